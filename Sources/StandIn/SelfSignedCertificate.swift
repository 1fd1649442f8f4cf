import Crypto
import Foundation
import NIOSSL

/// A certificate for loopback that nobody vouches for, with a key that lives as long as the process.
enum SelfSignedCertificate {
    static func context() throws -> NIOSSLContext {
        let key = P256.Signing.PrivateKey()
        let certificate = try NIOSSLCertificate(bytes: try certificate(for: key), format: .der)
        let privateKey = try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(privateKey)))
    }

    /// An X.509 certificate (RFC 5280, section 4.1) in DER: version 1 carries no extensions, which is all it takes.
    private static func certificate(for key: P256.Signing.PrivateKey) throws -> [UInt8] {
        let ecdsaWithSHA256 = sequence([0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
        let commonName = sequence([0x06, 0x03, 0x55, 0x04, 0x03] + element(0x0C, Array("localhost".utf8)))
        let name = sequence(element(0x31, commonName))
        let validity = sequence(time("000101000000Z") + time("491231235959Z"))
        let serialNumber: [UInt8] = [0x02, 0x01, 0x01]
        let body = sequence(
            serialNumber + ecdsaWithSHA256 + name + validity + name + Array(key.publicKey.derRepresentation))
        let signature = try key.signature(for: Data(body)).derRepresentation
        return sequence(body + ecdsaWithSHA256 + element(0x03, [0x00] + Array(signature)))
    }

    private static func time(_ utc: String) -> [UInt8] { element(0x17, Array(utc.utf8)) }

    private static func sequence(_ content: [UInt8]) -> [UInt8] { element(0x30, content) }

    /// Tag, length, content; nothing here is longer than 65535 bytes.
    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case ..<0x80: [UInt8(count)]
            case ..<0x100: [0x81, UInt8(count)]
            default: [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
            }
        return [tag] + length + content
    }
}
