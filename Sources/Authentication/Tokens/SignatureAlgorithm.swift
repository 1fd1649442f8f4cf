/// The signature algorithms that a key may be bound to (RFC 7518 §3.1, RFC 8037 §3.1). `none` and symmetric algorithms
/// have no case, so they cannot be accepted.
public enum SignatureAlgorithm: String, Hashable, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// The algorithm that `alg` or a setting names. `Ed25519` is the fully specified name (RFC 9864 §2.2) of `EdDSA`
    /// with a key of that curve, the only one supported, so both names stand for one algorithm. The JOSE names of ECDSA
    /// are already fully specified.
    public init?(name: String) {
        self.init(rawValue: name == "Ed25519" ? "EdDSA" : name)
    }

    var isRSA: Bool {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: true
        case .es256, .es384, .es512, .edDSA: false
        }
    }
}
