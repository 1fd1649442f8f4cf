/// A call that its caller is allowed to make. Only `AccessPolicy` can make one, so a skipped check does not compile.
public struct AuthorizedCall: Hashable, Sendable {
    public let call: Call
    public let caller: Caller
    /// The models that may serve it, in order of settings; one for an exact id.
    public let models: [ModelID]
    /// Machine types that are preferred, best first.
    public let preferredMachineTypes: [MachineType]
    /// Ids or machine types of runners that are woken beside the one that is chosen.
    public let speculativeWakes: [ExactString]
    /// How to choose among the runners that could serve it.
    public let policy: PlacementPolicy
    /// Whether this caller may cause a sleeping machine to be woken.
    public let mayWake: Bool
    /// Where it has to wait beside others' calls.
    public let priority: Priority

    fileprivate init(
        call: Call, caller: Caller, models: [ModelID], preferredMachineTypes: [MachineType],
        speculativeWakes: [ExactString],
        policy: PlacementPolicy, mayWake: Bool, priority: Priority
    ) {
        self.priority = priority
        self.speculativeWakes = speculativeWakes
        self.call = call
        self.caller = caller
        self.models = models
        self.preferredMachineTypes = preferredMachineTypes
        self.policy = policy
        self.mayWake = mayWake
    }
}

/// Who may ask for what.
///
/// | caller | classes | exact ids | admin surface |
/// |---|---|---|---|
/// | authenticated | yes | no (403, existing or not) | no |
/// | `model:specific` | yes | yes | no |
/// | `admin` | yes | yes | yes |
///
/// With policies in the settings, classes and ids are those that the grants of the caller's roles name; the two roles
/// keep their meaning. Calls and lists are decided by the same ruling.
///
/// Rights come before existence: what a caller has no right to is refused whether it exists or not.
public struct AccessPolicy: Hashable, Sendable {
    private let classes: ClassTable
    private let wakeRoles: Set<Role>
    private let showsMembers: Bool
    private let exactPolicy: PlacementPolicy
    let grants: [AccessGrant]
    /// Most settings have none, and need not look for them with every call.
    private let hasPriorities: Bool

    /// - Parameters:
    ///   - grants: what roles may ask for; empty: every caller may ask for every class.
    ///   - wakeRoles: who may cause a wake; empty means every caller. Where there are grants, one of them has to say so
    ///     as well.
    ///   - showsMembers: whether callers who may not ask for ids see the members of classes in lists.
    ///   - exactPolicy: how to choose among the runners of a model that was asked for by its id.
    public init(
        classes: ClassTable, wakeRoles: Set<Role> = [], showsMembers: Bool = true,
        exactPolicy: PlacementPolicy = .leastBusy, grants: [AccessGrant] = []
    ) {
        self.grants = grants
        hasPriorities = grants.contains { $0.priority != .normal }
        self.exactPolicy = exactPolicy
        self.classes = classes
        self.wakeRoles = wakeRoles
        self.showsMembers = showsMembers
    }

    /// - Throws: `permissionDenied`, or `modelNotFound` for a class that does not exist. Whether an exact id exists is
    ///   the scheduler's knowledge.
    public func authorize(_ call: Call, by caller: Caller) throws(GatewayError) -> AuthorizedCall {
        let ruling = ruling(on: call.request, for: caller)
        guard ruling.isAllowed else { throw refusal(of: call.request, ruling) }
        switch call.request {
        case .exactly(let model):
            return AuthorizedCall(
                call: call, caller: caller, models: [model], preferredMachineTypes: [], speculativeWakes: [],
                policy: exactPolicy, mayWake: mayWake(caller), priority: priority(of: call.request, by: caller))
        case .byClass(let name):
            guard let found = classes[name] else {
                throw GatewayError(
                    .modelNotFound, "There is no class \"\(name)\". GET /v1/models lists what you may ask for.",
                    param: "model")
            }
            return AuthorizedCall(
                call: call, caller: caller, models: found.models,
                preferredMachineTypes: found.preferredMachineTypes, speculativeWakes: found.speculativeWakes,
                policy: found.policy, mayWake: mayWake(caller), priority: priority(of: call.request, by: caller))
        }
    }

    /// Whether the caller may ask for it, existing or not, and which rule says so.
    public func ruling(on request: ModelRequest, for caller: Caller) -> AccessRuling {
        let ruling = rulingByRoles(on: request, for: caller)
        return ruling.isAllowed && !reaches(request, caller) ? .beyondCredentials : ruling
    }

    /// Credentials that are good for some classes only are good for those and their members.
    private func reaches(_ request: ModelRequest, _ caller: Caller) -> Bool {
        guard let reachable = caller.classes else { return true }
        switch request {
        case .byClass(let name): return reachable.contains(name)
        case .exactly(let model): return !reachable.isDisjoint(with: classes.names(of: model))
        }
    }

    private func rulingByRoles(on request: ModelRequest, for caller: Caller) -> AccessRuling {
        if caller.isAdmin { return .administrator }
        if case .exactly = request, caller.mayAskForExactModels { return .specificModels }
        if grants.isEmpty {
            if case .byClass = request { return .withoutPolicies }
            return .roleIsMissing
        }
        let index = grants.firstIndex { $0.applies(to: caller) && $0.covers(request) }
        return index.map { .granted(index: $0) } ?? .notGranted
    }

    private func refusal(of request: ModelRequest, _ ruling: AccessRuling) -> GatewayError {
        let message =
            switch (request, ruling) {
            case (_, .beyondCredentials):
                "Permission denied: these credentials are not for \"\(request)\"."
            case (.exactly, _):
                "Permission denied: asking for a model by its id needs the right to do so. "
                    + "Ask for a class instead, for example \"class:\(classes.defaultClass)\"."
            case (.byClass, _):
                "Permission denied: you may not ask for this class. GET /v1/models lists what you may ask for."
            }
        return GatewayError(.permissionDenied, message, param: "model", cause: ruling.description)
    }

    public func mayWake(_ caller: Caller) -> Bool {
        if caller.isAdmin { return true }
        guard wakeRoles.isEmpty || !wakeRoles.isDisjoint(with: caller.roles) else { return false }
        return grants.isEmpty || grants.contains { $0.mayWake && $0.applies(to: caller) }
    }

    /// The highest of those that the caller's policies give for what it asks for.
    public func priority(of request: ModelRequest, by caller: Caller) -> Priority {
        guard hasPriorities else { return .normal }
        return grants.lazy.filter { $0.applies(to: caller) && $0.covers(request) }.map(\.priority).max() ?? .normal
    }

    /// Whether a class stands in the caller's list.
    public func mayList(class name: ClassName, by caller: Caller) -> Bool {
        ruling(on: .byClass(name), for: caller).isAllowed
    }

    /// Whether a model stands in the caller's list: every model that may be asked for, and, if settings show them, the
    /// members of classes that may be.
    public func mayList(_ model: ModelID, by caller: Caller) -> Bool {
        ruling(on: .exactly(model), for: caller).isAllowed
            || (showsMembers && classes.names(of: model).contains { mayList(class: $0, by: caller) })
    }

    /// - Throws: `permissionDenied` unless the caller is an admin.
    public func authorizeAdministration(by caller: Caller) throws(GatewayError) {
        guard caller.isAdmin else {
            throw GatewayError(.permissionDenied, "Permission denied: this needs the admin role.")
        }
    }
}
