import Crypto
import CryptoExtras
import Foundation

@testable import LocalFleet

/// Makes valid and invalid tokens. Header and claims are JSON text, so that they can contain anything.
struct Forge: Sendable {
    typealias Signer = @Sendable (_ input: [UInt8]) throws -> [UInt8]

    let issuer: String
    let audience = "simpleai"
    /// The keys that the issuer publishes: one of each kind.
    let rsa: SigningKey
    let curve: SigningKey

    init(issuer: String) throws {
        self.issuer = issuer
        rsa = try Self.onlyRSAKey.get()
        curve = try SigningKey(generating: .es256)
    }

    /// Generating an RSA key is slow; one serves all tests.
    private static let onlyRSAKey = Result { try SigningKey(generating: .rs256) }

    // MARK: Parts

    func header(_ key: SigningKey? = nil) -> [(String, JSONText)] {
        let key = key ?? curve
        return [("alg", .string(key.algorithm.rawValue)), ("typ", "JWT"), ("kid", .string(key.id))]
    }

    /// Claims that are valid for an hour and grant every right.
    func claims() -> [(String, JSONText)] {
        let now = Int(Date().timeIntervalSince1970)
        return [
            ("iss", .string(issuer)), ("sub", "alice"), ("aud", .string(audience)), ("exp", .integer(now + 3600)),
            ("iat", .integer(now)), ("jti", .string(UUID().uuidString)), ("roles", ["admin", "model:specific"]),
        ]
    }

    // MARK: Tokens

    /// A valid token, unless a parameter changes it.
    /// - Parameters:
    ///   - key: signs, and sets the algorithm and id in the header.
    ///   - header: members that replace or extend the header's; nil removes one.
    ///   - signer: signs instead of the key.
    func token(
        _ key: SigningKey? = nil, header: [String: JSONText?] = [:], claims: [String: JSONText?] = [:],
        signer: Signer? = nil
    ) throws -> String {
        let signing = key ?? curve
        return try Self.token(
            header: Self.changed(self.header(signing), header).text,
            claims: Self.changed(self.claims(), claims).text,
            signer: signer ?? { try signing.signature(of: Data($0)) })
    }

    /// A token of these texts, which may be invalid JSON.
    static func token(header: String, claims: String, signer: Signer) throws -> String {
        try token(header: Array(header.utf8), claims: Array(claims.utf8), signer: signer)
    }

    static func token(header: [UInt8], claims: [UInt8], signer: Signer) throws -> String {
        let input = Base64URL.encode(header) + "." + Base64URL.encode(claims)
        return input + "." + Base64URL.encode(try signer(Array(input.utf8)))
    }

    /// JSON text of members, for headers and claims that are composed by hand.
    func text(_ members: [(String, JSONText)]) -> String { JSONText.object(members).text }

    private static func changed(_ members: [(String, JSONText)], _ changes: [String: JSONText?]) -> JSONText {
        let kept = members.filter { changes[$0.0] == nil }
        let added = changes.sorted { $0.key < $1.key }.compactMap { change in change.value.map { (change.key, $0) } }
        return .object(kept + added)
    }

    // MARK: Signatures

    static func hmac(_ bits: Int, secret: some DataProtocol) -> Signer {
        let key = SymmetricKey(data: Data(secret))
        return { input in
            switch bits {
            case 384: Array(HMAC<SHA384>.authenticationCode(for: input, using: key))
            case 512: Array(HMAC<SHA512>.authenticationCode(for: input, using: key))
            default: Array(HMAC<SHA256>.authenticationCode(for: input, using: key))
            }
        }
    }

    /// A signature that is valid for the RSA key under an algorithm that the key is not for.
    func rsaSignature(with padding: _RSA.Signing.Padding, bits: Int) throws -> Signer {
        let key = try _RSA.Signing.PrivateKey(pemRepresentation: rsa.pem)
        return { input in
            switch bits {
            case 384: Array(try key.signature(for: SHA384.hash(data: input), padding: padding).rawRepresentation)
            case 512: Array(try key.signature(for: SHA512.hash(data: input), padding: padding).rawRepresentation)
            default: Array(try key.signature(for: SHA256.hash(data: input), padding: padding).rawRepresentation)
            }
        }
    }

    /// With the exponent 1 a signature is the padded digest itself (RFC 8017 §9.2): no private key is needed.
    static func exponentOneSignature(bytes: Int) -> Signer {
        let prefix: [UInt8] = [
            0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
            0x20,
        ]
        return { input in
            let info = prefix + Array(SHA256.hash(data: input))
            return [0, 1] + Array(repeating: 0xFF, count: bytes - info.count - 3) + [0] + info
        }
    }

    /// An ES256 signature in ASN.1, as in TLS; JOSE uses another encoding.
    func curveSignatureInASN1() throws -> Signer {
        let key = try P256.Signing.PrivateKey(pemRepresentation: curve.pem)
        return { Array(try key.signature(for: $0).derRepresentation) }
    }
}

/// The ways to spell a public key, each of which some implementation once took for a shared secret.
struct PublicSpellings: Sendable {
    let pem: String
    let der: [UInt8]
    let raw: [UInt8]
    let jwk: String

    init(rsa key: SigningKey) throws {
        let publicKey = try _RSA.Signing.PrivateKey(pemRepresentation: key.pem).publicKey
        pem = publicKey.pemRepresentation
        der = Array(publicKey.derRepresentation)
        raw = Array(try publicKey.getKeyPrimitives().modulus)
        jwk = key.publicKey.json.text
    }

    init(curve key: SigningKey) throws {
        let publicKey = try P256.Signing.PrivateKey(pemRepresentation: key.pem).publicKey
        pem = publicKey.pemRepresentation
        der = Array(publicKey.derRepresentation)
        raw = Array(publicKey.x963Representation)
        jwk = key.publicKey.json.text
    }
}
