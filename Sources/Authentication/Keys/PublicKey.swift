import Crypto
import CryptoExtras
import SwiftASN1

/// The numbers of a public key from any source, before validation.
enum PublicKey {
    case rsa(RSAParameters)
    case elliptic(curve: String, x: [UInt8], y: [UInt8])
    case ed25519([UInt8])

    /// The key type: `kty` of such a key (RFC 7517 §4.1).
    var type: String {
        switch self {
        case .rsa: "RSA"
        case .elliptic: "EC"
        case .ed25519: "OKP"
        }
    }

    /// - Parameter certificate: in DER; some issuers publish a bare SubjectPublicKeyInfo (RFC 5280 §4.1) in its place.
    init?(certificate: [UInt8]) {
        self.init(subjectPublicKeyInfo: Self.subjectPublicKeyInfo(of: certificate) ?? certificate)
    }

    /// The SubjectPublicKeyInfo, located by its position in the certificate (RFC 5280 §4.1): an optional version, then serial
    /// number, algorithm, issuer, validity and subject precede it. A certificate that BoringSSL accepts may contain a key
    /// that it cannot read, on which NIOSSL's `extractPublicKey` traps.
    private static func subjectPublicKeyInfo(of certificate: [UInt8]) -> [UInt8]? {
        guard let outer = try? DER.parse(certificate), case .constructed(let parts) = outer.content,
            let body = parts.first(where: { _ in true }), case .constructed(let fields) = body.content
        else { return nil }
        let version = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
        let key = fields.filter { $0.identifier != version }.dropFirst(5).first
        return key.map { Array($0.encodedBytes) }
    }

    private init?(subjectPublicKeyInfo bytes: [UInt8]) {
        if let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: bytes),
            let numbers = try? key.getKeyPrimitives()
        {
            self = .rsa(RSAParameters(modulus: Array(numbers.modulus), exponent: Array(numbers.publicExponent)))
        } else if let key = try? P256.Signing.PublicKey(derRepresentation: bytes) {
            self.init(curve: "P-256", coordinates: Array(key.rawRepresentation))
        } else if let key = try? P384.Signing.PublicKey(derRepresentation: bytes) {
            self.init(curve: "P-384", coordinates: Array(key.rawRepresentation))
        } else if let key = try? P521.Signing.PublicKey(derRepresentation: bytes) {
            self.init(curve: "P-521", coordinates: Array(key.rawRepresentation))
        } else if bytes.count == Self.ed25519Prefix.count + 32, bytes.starts(with: Self.ed25519Prefix) {
            self = .ed25519(Array(bytes.suffix(32)))
        } else {
            return nil
        }
    }

    private init(curve: String, coordinates: [UInt8]) {
        let half = coordinates.count / 2
        self = .elliptic(curve: curve, x: Array(coordinates[..<half]), y: Array(coordinates[half...]))
    }

    /// The bytes before the 32 bytes of an Ed25519 key (RFC 8410 §4).
    private static let ed25519Prefix: [UInt8] = [
        0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
    ]
}
