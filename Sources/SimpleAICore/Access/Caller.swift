/// What a caller may do beyond asking for classes.
public enum Privilege: Hashable, Sendable {
    /// May ask for exact model ids (the role `model:specific` unless settings name another).
    case specificModels
    /// May use the admin surface; includes `specificModels`.
    case administration
}

/// Who is asking: the subject of a verified token and the roles that the token states.
public struct Caller: Hashable, Sendable {
    /// The token's `sub`; unique only together with `issuer`.
    public let subject: SubjectID
    /// The token's `iss`; empty where authentication is off.
    public let issuer: IssuerID
    public let roles: Set<Role>
    /// The only classes that these credentials are good for; nil for all. API keys may be limited so.
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

    /// Everybody, where settings say `auth.mode: none` (which only loopback addresses may).
    public static let anonymous = Caller(
        subject: "anonymous", issuer: "", roles: [], privileges: [.administration])

    public var isAdmin: Bool { privileges.contains(.administration) }
    public var mayAskForExactModels: Bool { isAdmin || privileges.contains(.specificModels) }
}
