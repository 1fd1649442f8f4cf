import Crypto
import Foundation

/// The public half of a signing key as a JSON Web Key (RFC 7517).
public struct PublicJSONWebKey: Hashable, Sendable {
    private enum Numbers: Hashable, Sendable {
        case rsa(n: String, e: String)
        case p256(x: String, y: String)
    }

    private let numbers: Numbers

    init(modulus: some Sequence<UInt8>, exponent: some Sequence<UInt8>) {
        // Base64urlUInt has no leading zeros (RFC 7518 §2).
        numbers = .rsa(
            n: Base64URL.encode(modulus.drop { $0 == 0 }), e: Base64URL.encode(exponent.drop { $0 == 0 }))
    }

    /// Coordinates always have their full 32 bytes (RFC 7518 §6.2.1.2).
    init(x: some Sequence<UInt8>, y: some Sequence<UInt8>) {
        numbers = .p256(x: Base64URL.encode(x), y: Base64URL.encode(y))
    }

    public var algorithm: SigningKey.Algorithm {
        switch numbers {
        case .rsa: .rs256
        case .p256: .es256
        }
    }

    /// SHA-256 of the required members in lexicographic order (RFC 7638 §3).
    public var thumbprint: String {
        let canonical: JSONText =
            switch numbers {
            case .rsa(let n, let e): ["e": .string(e), "kty": "RSA", "n": .string(n)]
            case .p256(let x, let y): ["crv": "P-256", "kty": "EC", "x": .string(x), "y": .string(y)]
            }
        return Base64URL.encode(SHA256.hash(data: Data(canonical.utf8)))
    }

    var json: JSONText {
        let common: [(String, JSONText)] = [
            ("use", "sig"), ("alg", .string(algorithm.rawValue)), ("kid", .string(thumbprint)),
        ]
        switch numbers {
        case .rsa(let n, let e):
            return .object([("kty", "RSA")] + common + [("n", .string(n)), ("e", .string(e))])
        case .p256(let x, let y):
            return .object([("kty", "EC"), ("crv", "P-256")] + common + [("x", .string(x)), ("y", .string(y))])
        }
    }

    /// The members of a key in a set, as far as they identify it.
    private struct Member: Decodable {
        var kid: String?
        var n: String?
        var e: String?
        var x: String?
        var y: String?
    }

    private struct MemberSet: Decodable {
        var keys: [Member]
    }

    /// Whether a key set contains this key, under the id that tokens state.
    func isContained(in keySet: some Sequence<UInt8>) -> Bool {
        guard let set = try? JSONDecoder().decode(MemberSet.self, from: Data(keySet)) else { return false }
        return set.keys.contains { member in
            guard let kid = member.kid, kid.utf8.elementsEqual(thumbprint.utf8) else { return false }
            switch numbers {
            case .rsa(let n, let e): return member.n == n && member.e == e
            case .p256(let x, let y): return member.x == x && member.y == y
            }
        }
    }

    /// A JSON Web Key Set (RFC 7517 §5), which `jwks_file` reads and the issuer serves.
    public static func keySet(_ keys: [PublicJSONWebKey]) -> String {
        (["keys": .array(keys.map(\.json))] as JSONText).text
    }
}
