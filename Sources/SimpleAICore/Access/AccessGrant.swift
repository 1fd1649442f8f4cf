/// The rights of callers with certain roles: one entry of the settings' `policies`. A grant only adds rights.
public struct AccessGrant: Hashable, Sendable {
    /// Callers with one of these roles; nil: all callers.
    public let roles: Set<Role>?
    /// Name patterns of classes that may be requested.
    public let classes: [NamePattern]
    /// Id patterns of models that may be requested.
    public let models: [NamePattern]
    /// Whether calls under this grant may cause a sleeping machine to be woken.
    public let mayWake: Bool
    /// Priority of waiting calls that this grant covers.
    public let priority: Priority
    /// Limits for callers with this grant, in place of the general limits.
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

/// Whether a caller may request a class or a model, and the rule that decided.
public enum AccessRuling: Hashable, Sendable, CustomStringConvertible {
    /// The caller is an administrator.
    case administrator
    /// The caller may request every model id.
    case specificModels
    /// There are no policies, so every caller may use the classes.
    case allowedWithoutPolicies
    /// The policy with this index, counted from 0, grants the request.
    case granted(index: Int)
    /// There are no policies, so model ids require a role that the caller lacks.
    case missingRole
    /// No policy that applies to the caller covers the request.
    case notGranted
    /// The caller's roles suffice, but its credentials are restricted to other classes.
    case beyondCredentials

    public var isAllowed: Bool {
        switch self {
        case .administrator, .specificModels, .allowedWithoutPolicies, .granted: true
        case .missingRole, .notGranted, .beyondCredentials: false
        }
    }

    public var description: String {
        switch self {
        case .administrator: "the caller is an admin"
        case .specificModels: "the caller has the right to exact ids"
        case .allowedWithoutPolicies: "every caller may use classes"
        case .granted(let index): "granted by policies[\(index)]"
        case .missingRole: "exact ids require a role that the caller lacks"
        case .notGranted: "no policy grants it to the caller's roles"
        case .beyondCredentials: "the credentials are limited to other classes"
        }
    }
}
