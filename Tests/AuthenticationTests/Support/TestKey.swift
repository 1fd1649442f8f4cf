import SimpleAICore
import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Authentication

/// A private key generated for the tests: signs, and provides its public half as a JWK.
struct TestKey: Sendable {
    private enum Material: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
        case p521(P521.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    private let material: Material
    let algorithm: SignatureAlgorithm

    static func make(_ algorithm: SignatureAlgorithm) throws -> TestKey {
        switch algorithm {
        case .es256: TestKey(material: .p256(.init()), algorithm: algorithm)
        case .es384: TestKey(material: .p384(.init()), algorithm: algorithm)
        case .es512: TestKey(material: .p521(.init()), algorithm: algorithm)
        case .edDSA: TestKey(material: .ed25519(.init()), algorithm: algorithm)
        default: TestKey(material: .rsa(try rsa.get()), algorithm: algorithm)
        }
    }

    /// Generating an RSA key is slow; tests that need only one share it.
    private static let rsa = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    func using(_ algorithm: SignatureAlgorithm) -> TestKey {
        TestKey(material: material, algorithm: algorithm)
    }

    func signature(for message: [UInt8]) throws -> [UInt8] {
        switch material {
        case .p256(let key): Array(try key.signature(for: message).rawRepresentation)
        case .p384(let key): Array(try key.signature(for: message).rawRepresentation)
        case .p521(let key): Array(try key.signature(for: message).rawRepresentation)
        case .ed25519(let key): Array(try key.signature(for: message))
        case .rsa(let key):
            switch algorithm {
            case .rs384: Array(try sign(SHA384.hash(data: message), with: key, .insecurePKCS1v1_5))
            case .rs512: Array(try sign(SHA512.hash(data: message), with: key, .insecurePKCS1v1_5))
            case .ps256: Array(try sign(SHA256.hash(data: message), with: key, .PSS))
            case .ps384: Array(try sign(SHA384.hash(data: message), with: key, .PSS))
            case .ps512: Array(try sign(SHA512.hash(data: message), with: key, .PSS))
            default: Array(try sign(SHA256.hash(data: message), with: key, .insecurePKCS1v1_5))
            }
        }
    }

    private func sign(
        _ digest: some Digest, with key: _RSA.Signing.PrivateKey, _ padding: _RSA.Signing.Padding
    ) throws -> Data {
        try key.signature(for: digest, padding: padding).rawRepresentation
    }

    /// The public half; it declares its algorithm if `declares` is true.
    func jwk(kid: String? = nil, declares: Bool = true) throws -> JSONValue {
        var jwk: JSONValue =
            switch material {
            case .rsa(let key): try rsaJWK(key.publicKey)
            case .p256(let key): point("P-256", key.publicKey.rawRepresentation)
            case .p384(let key): point("P-384", key.publicKey.rawRepresentation)
            case .p521(let key): point("P-521", key.publicKey.rawRepresentation)
            case .ed25519(let key):
                ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(key.publicKey.rawRepresentation))]
            }
        if let kid { jwk = jwk.with("kid", .string(kid)) }
        if declares { jwk = jwk.with("alg", .string(algorithm.rawValue)) }
        return jwk
    }

    /// The public half as certificates contain it (RFC 5280 §4.1, RFC 8410 §4).
    var subjectPublicKeyInfo: [UInt8] {
        switch material {
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        case .p256(let key): Array(key.publicKey.derRepresentation)
        case .p384(let key): Array(key.publicKey.derRepresentation)
        case .p521(let key): Array(key.publicKey.derRepresentation)
        case .ed25519(let key):
            DER.sequence(
                DER.sequence([0x06, 0x03, 0x2B, 0x65, 0x70]), [0x03, 0x21, 0x00] + key.publicKey.rawRepresentation)
        }
    }

    /// A certificate of the key with an invalid signature: the keys that an issuer publishes are trusted without a
    /// chain.
    var certificate: [UInt8] {
        let algorithm = DER.sequence([0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
        let time: [UInt8] = [0x17, 0x0D] + Array("250101000000Z".utf8)
        let body = DER.sequence(
            [0xA0, 0x03, 0x02, 0x01, 0x02], [0x02, 0x01, 0x07], algorithm, DER.sequence(), DER.sequence(time, time),
            DER.sequence(), subjectPublicKeyInfo)
        return DER.sequence(body, algorithm, [0x03, 0x03, 0x00, 0x01, 0x02])
    }

    private func rsaJWK(_ key: _RSA.Signing.PublicKey) throws -> JSONValue {
        let numbers = try key.getKeyPrimitives()
        return [
            "kty": "RSA", "n": .string(Base64URL.encode(numbers.modulus)),
            "e": .string(Base64URL.encode(numbers.publicExponent)),
        ]
    }

    private func point(_ curve: String, _ coordinates: Data) -> JSONValue {
        let half = coordinates.count / 2
        return [
            "kty": "EC", "crv": .string(curve), "x": .string(Base64URL.encode(coordinates.prefix(half))),
            "y": .string(Base64URL.encode(coordinates.suffix(half))),
        ]
    }
}

/// The parts of a token before it is signed.
struct TokenSketch {
    var header: JSONValue
    var claims: JSONValue

    /// A valid token of `issuer` for the audience `simpleai`, with a lifetime of one hour.
    init(issuer: String = "https://issuer.example", kid: String? = "k", algorithm: SignatureAlgorithm = .es256) {
        header = ["alg": .string(algorithm.rawValue), "typ": "JWT"]
        if let kid { header = header.with("kid", .string(kid)) }
        claims = [
            "iss": .string(issuer), "aud": "simpleai", "sub": "alice", "roles": ["admin"],
            "exp": .number(TestTime.now + 3600), "iat": .number(TestTime.now),
        ]
    }

    func signed(by key: TestKey) -> String {
        Self.signed(header: header.text, claims: claims.text, by: key)
    }

    /// A signature that cannot be computed fails the test.
    static func signed(header: String, claims: String, by key: TestKey) -> String {
        let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
        do {
            return input + "." + Base64URL.encode(try key.signature(for: Array(input.utf8)))
        } catch {
            Issue.record(error)
            return input
        }
    }
}

/// The tests' wall clock, whose time is constant.
enum TestTime {
    static let now = 1_800_000_000.0
    static let date = Date(timeIntervalSince1970: now)
}

func keySet(_ keys: JSONValue...) -> [UInt8] {
    Array(JSONValue.object(["keys": .array(keys)]).text.utf8)
}

/// The part of ASN.1 that a certificate needs.
private enum DER {
    static func sequence(_ parts: [UInt8]...) -> [UInt8] {
        let contents = parts.flatMap(\.self)
        let size = contents.count
        let length: [UInt8] =
            switch size {
            case ..<128: [UInt8(size)]
            case ..<256: [0x81, UInt8(size)]
            default: [0x82, UInt8(size >> 8), UInt8(size & 0xFF)]
            }
        return [0x30] + length + contents
    }
}
