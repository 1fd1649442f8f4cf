/// What certain roles give: one entry of the settings' `policies`. Grants only ever add up; nothing takes away.
public struct AccessGrant: Hashable, Sendable {
    /// Callers with one of these roles; nil: every caller.
    public let roles: Set<Role>?
    /// Names of classes that may be asked for.
    public let classes: [NamePattern]
    /// Ids of models that may be asked for.
    public let models: [NamePattern]
    /// Whether calls under this grant may cause a sleeping machine to be woken.
    public let mayWake: Bool
    /// Of calls that this grant covers, when they have to wait for others'.
    public let priority: Priority
    /// What callers under this grant may ask for at most, in place of the limits for everybody.
    public let limits: GrantedLimits

    public init(
        roles: Set<Role>?, classes: [NamePattern] = [], models: [NamePattern] = [], mayWake: Bool = true,
        priority: Priority = .normal, limits: GrantedLimits = GrantedLimits()
    ) {
        self.priority = priority
        self.roles = roles
        self.classes = classes
        self.models = models
        self.mayWake = mayWake
        self.limits = limits
    }

    func applies(to caller: Caller) -> Bool {
        roles.map { !$0.isDisjoint(with: caller.roles) } ?? true
    }

    func covers(_ request: ModelRequest) -> Bool {
        switch request {
        case .byClass(let name): classes.contains { $0.matches(name.rawValue) }
        case .exactly(let model): models.contains { $0.matches(model.rawValue) }
        }
    }
}

/// Whether a caller may ask for something, and which rule says so; for decisions, and for whoever asks why.
public enum AccessRuling: Hashable, Sendable, CustomStringConvertible {
    /// The caller is an admin.
    case administrator
    /// The caller may ask for every id.
    case specificModels
    /// There are no policies, and classes are for every caller then.
    case withoutPolicies
    /// By one entry of the policies, counted from 0.
    case granted(index: Int)
    /// There are no policies, and exact ids take a role.
    case roleIsMissing
    /// No policy that applies to the caller covers it.
    case notGranted
    /// The caller might, but with other credentials: these are good for some classes only.
    case beyondCredentials

    public var isAllowed: Bool {
        switch self {
        case .administrator, .specificModels, .withoutPolicies, .granted: true
        case .roleIsMissing, .notGranted, .beyondCredentials: false
        }
    }

    public var description: String {
        switch self {
        case .administrator: "the caller is an admin"
        case .specificModels: "the caller may ask for every id"
        case .withoutPolicies: "classes are for every caller"
        case .granted(let index): "policies[\(index)] grants it"
        case .roleIsMissing: "exact ids take a role that the caller has not"
        case .notGranted: "no policy of the caller's roles grants it"
        case .beyondCredentials: "the credentials are for other classes"
        }
    }
}
