import Crypto
import CryptoExtras
import Foundation

/// A private key that signs tokens, with its public half for a key set.
public struct SigningKey: Sendable {
    /// The JOSE algorithms (RFC 7518 §3.1) for which keys can be generated.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable, Codable {
        /// RSASSA-PKCS1-v1_5 with SHA-256, with 2048-bit keys.
        case rs256 = "RS256"
        /// ECDSA on P-256 with SHA-256.
        case es256 = "ES256"
    }

    public enum Failure: Error, Equatable, CustomStringConvertible {
        case generation(reason: String)
        case unreadable(reason: String)
        case signing(reason: String)

        public var description: String {
            switch self {
            case .generation(let reason): "generating the signing key failed: \(reason)"
            case .unreadable(let reason):
                "not a usable signing key (PEM; RSA with at least 2048 bits, or P-256): \(reason)"
            case .signing(let reason): "signing the token failed: \(reason)"
            }
        }
    }

    private enum Material: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }

    private let material: Material
    /// The key that verifiers use.
    public let publicKey: PublicJSONWebKey

    /// Generates a random key. For RSA, this takes some hundred milliseconds.
    public init(generating algorithm: Algorithm) throws(Failure) {
        do {
            switch algorithm {
            case .rs256: try self.init(rsa: _RSA.Signing.PrivateKey(keySize: .bits2048))
            case .es256: self.init(p256: P256.Signing.PrivateKey())
            }
        } catch {
            throw .generation(reason: "the random generator failed")
        }
    }

    /// Reads a private key in PEM; its kind determines the algorithm.
    public init(pem: String) throws(Failure) {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self.init(p256: key)
            return
        }
        do {
            try self.init(rsa: _RSA.Signing.PrivateKey(pemRepresentation: pem))
        } catch {
            throw .unreadable(reason: pem.contains("-----BEGIN") ? "it is of another kind" : "it is not PEM")
        }
    }

    private init(rsa key: _RSA.Signing.PrivateKey) throws {
        let primitives = try key.publicKey.getKeyPrimitives()
        material = .rsa(key)
        publicKey = PublicJSONWebKey(modulus: primitives.modulus, exponent: primitives.publicExponent)
    }

    private init(p256 key: P256.Signing.PrivateKey) {
        material = .p256(key)
        let point = key.publicKey.rawRepresentation
        publicKey = PublicJSONWebKey(x: point.prefix(32), y: point.suffix(32))
    }

    public var algorithm: Algorithm { publicKey.algorithm }

    /// The RFC 7638 thumbprint of the public key, which is the same on every host.
    public var id: String { publicKey.thumbprint }

    /// The private key as PKCS#8 in PEM.
    public var pem: String {
        switch material {
        case .rsa(let key): key.pkcs8PEMRepresentation
        case .p256(let key): key.pemRepresentation
        }
    }

    /// A JWS signature; for ES256, the two numbers concatenated (RFC 7518 §3.4), not DER.
    func signature(of message: some DataProtocol) throws(Failure) -> [UInt8] {
        do {
            switch material {
            case .rsa(let key):
                return Array(try key.signature(for: message, padding: .insecurePKCS1v1_5).rawRepresentation)
            case .p256(let key):
                return Array(try key.signature(for: message).rawRepresentation)
            }
        } catch {
            throw .signing(reason: "the key cannot be used for that")
        }
    }
}
