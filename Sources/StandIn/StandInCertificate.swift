import Crypto
import Foundation
import NIOSSL

/// A certificate for the loopback address, valid or invalid for one reason, with a new key in each instance.
package struct StandInCertificate: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case selfSigned = "self-signed"
        /// Valid except for its validity period, which ended on 2020-01-31.
        case expired
        /// Valid for clients that trust ``authority``.
        case ofAuthority = "of-authority"
        /// As `ofAuthority`, but for `other.example`.
        case otherHost = "other-host"
    }

    /// The authority's certificate in PEM; it issues all certificates except the self-signed ones.
    package let authority: String
    /// The certificate in PEM, for a server that reads files.
    package let certificate: String
    package let privateKey: String
    let context: NIOSSLContext

    package init(_ kind: Kind) throws {
        let authorityKey = P256.Signing.PrivateKey()
        let root = try X509(
            issuer: "Stand-in authority", subject: "Stand-in authority", key: authorityKey.publicKey,
            extensions: X509.authority
        ).signed(by: authorityKey)
        authority = Self.pem(root)

        let key = P256.Signing.PrivateKey()
        var certificate = X509(issuer: "Stand-in authority", subject: "localhost", key: key.publicKey)
        switch kind {
        case .selfSigned: certificate.issuer = certificate.subject
        case .expired: certificate.end = "200131235959Z"
        case .ofAuthority: break
        case .otherHost: certificate.extensions = X509.alternativeName(0x82, Array("other.example".utf8))
        }
        let bytes = try certificate.signed(by: kind == .selfSigned ? key : authorityKey)
        self.certificate = Self.pem(bytes)
        privateKey = key.pemRepresentation + "\n"
        context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(try NIOSSLCertificate(bytes: bytes, format: .der))],
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der))))
    }

    private static func pem(_ certificate: [UInt8]) -> String {
        let base64 = Data(certificate).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(base64)\n-----END CERTIFICATE-----\n"
    }
}

/// An X.509 certificate (RFC 5280 §4.1), limited to the parts needed here.
private struct X509 {
    var issuer: String
    var subject: String
    let key: P256.Signing.PublicKey
    var end = "491231235959Z"
    /// The only alternative name: the loopback address.
    var extensions = X509.alternativeName(0x87, [127, 0, 0, 1])

    /// The certificate in DER.
    func signed(by signer: P256.Signing.PrivateKey) throws -> [UInt8] {
        let ecdsaWithSHA256 = sequence([0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
        let version3 = element(0xA0, [0x02, 0x01, 0x02])
        let serialNumber: [UInt8] = [0x02, 0x01, 0x01]
        let validity = sequence(time("000101000000Z") + time(end))
        let body = sequence(
            version3 + serialNumber + ecdsaWithSHA256 + name(issuer) + validity + name(subject)
                + Array(key.derRepresentation) + element(0xA3, sequence(extensions)))
        let signature = try signer.signature(for: Data(body)).derRepresentation
        return sequence(body + ecdsaWithSHA256 + element(0x03, [0x00] + Array(signature)))
    }

    /// The extension that marks the certificate of an authority.
    static let authority = sequence(
        [0x06, 0x03, 0x55, 0x1D, 0x13, 0x01, 0x01, 0xFF] + element(0x04, sequence([0x01, 0x01, 0xFF])))

    /// The extension that names the certificate's host: tag 0x82 for a host name, 0x87 for an address.
    static func alternativeName(_ tag: UInt8, _ value: [UInt8]) -> [UInt8] {
        sequence([0x06, 0x03, 0x55, 0x1D, 0x11] + element(0x04, sequence(element(tag, value))))
    }

    private func name(_ commonName: String) -> [UInt8] {
        let attribute = sequence([0x06, 0x03, 0x55, 0x04, 0x03] + element(0x0C, Array(commonName.utf8)))
        return sequence(element(0x31, attribute))
    }

    private func time(_ utc: String) -> [UInt8] { element(0x17, Array(utc.utf8)) }
}

private func sequence(_ content: [UInt8]) -> [UInt8] { element(0x30, content) }

/// Tag, length, content; all content here is at most 65535 bytes long.
private func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let count = content.count
    let length: [UInt8] =
        switch count {
        case ..<0x80: [UInt8(count)]
        case ..<0x100: [0x81, UInt8(count)]
        default: [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
        }
    return [tag] + length + content
}
