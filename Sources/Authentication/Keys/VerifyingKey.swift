import Crypto
import CryptoExtras
import Foundation
import Synchronization

/// One public key of an issuer, bound to one algorithm. A class, because tokens verified with it stay valid only while the
/// issuer publishes it: the token cache checks `isWithdrawn`.
final class VerifyingKey: Sendable {
    enum Material: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    let id: String?
    let algorithm: SignatureAlgorithm
    /// The issuer whose tokens the key signs, if its key set states one; nil: the issuer that publishes it.
    let issuer: IssuerTemplate?
    private let material: Material
    /// The encoded key, to recognize it after a refresh.
    private let encoded: [UInt8]
    private let withdrawn = Atomic(false)

    init(
        id: String?, issuer: IssuerTemplate? = nil, algorithm: SignatureAlgorithm, material: Material, encoded: [UInt8]
    ) {
        self.id = id
        self.issuer = issuer
        self.algorithm = algorithm
        self.material = material
        self.encoded = encoded
    }

    var isWithdrawn: Bool { withdrawn.load(ordering: .acquiring) }

    /// Records that the issuer no longer publishes the key.
    func withdraw() { withdrawn.store(true, ordering: .releasing) }

    func isSame(as other: VerifyingKey) -> Bool {
        algorithm == other.algorithm && encoded == other.encoded && issuer == other.issuer
            && (id.map { Array($0.utf8) } == other.id.map { Array($0.utf8) })
    }

    /// Whether the signature over the message was made with this key. Only the key's algorithm determines the kind of
    /// signature.
    func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        switch material {
        case .rsa(let key):
            isValid(.init(rawRepresentation: signature), for: message, by: key)
        case .p256(let key):
            // A signature of the wrong length is refused like any other invalid one.
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: message) } ?? false
        case .p384(let key):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: message) } ?? false
        case .p521(let key):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: message) } ?? false
        case .ed25519(let key):
            key.isValidSignature(signature, for: message)
        }
    }

    private func isValid(
        _ signature: _RSA.Signing.RSASignature, for message: [UInt8], by key: _RSA.Signing.PublicKey
    ) -> Bool {
        switch algorithm {
        case .rs256: key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
        case .rs384: key.isValidSignature(signature, for: SHA384.hash(data: message), padding: .insecurePKCS1v1_5)
        case .rs512: key.isValidSignature(signature, for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5)
        case .ps256: key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .PSS)
        case .ps384: key.isValidSignature(signature, for: SHA384.hash(data: message), padding: .PSS)
        case .ps512: key.isValidSignature(signature, for: SHA512.hash(data: message), padding: .PSS)
        case .es256, .es384, .es512, .edDSA: false
        }
    }
}
