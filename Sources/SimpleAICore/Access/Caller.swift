/// A caller's right to more than the classes.
public enum Privilege: Hashable, Sendable {
    /// May request model ids (the role `model:specific` unless settings name another).
    case specificModels
    /// May use the admin API; includes `specificModels`.
    case administration
}

/// The sender of a request: the subject of a verified token and the roles that the token states.
public struct Caller: Hashable, Sendable {
    /// The token's `sub`; unique only together with `issuer`.
    public let subject: SubjectID
    /// The token's `iss`; empty for API keys, and if authentication is off.
    public let issuer: IssuerID
    public let roles: Set<Role>
    /// The only classes that these credentials cover; nil for all. API keys may be restricted in this way.
    public let classes: Set<ClassName>?
    private let privileges: Set<Privilege>

    public init(
        subject: SubjectID, issuer: IssuerID, roles: Set<Role>, privileges: Set<Privilege>,
        classes: Set<ClassName>? = nil
    ) {
        self.classes = classes
        self.subject = subject
        self.issuer = issuer
        self.roles = roles
        self.privileges = privileges
    }

    /// The caller of every request under `auth.mode: none`, which is allowed on loopback addresses only.
    public static let anonymous = Caller(
        subject: "anonymous", issuer: "", roles: [], privileges: [.administration])

    public var isAdmin: Bool { privileges.contains(.administration) }
    public var mayRequestSpecificModels: Bool { isAdmin || privileges.contains(.specificModels) }
}
