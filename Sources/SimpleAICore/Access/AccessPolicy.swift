/// A call that its caller is allowed to make. Only `AccessPolicy` creates it, so code that skips the check does not compile.
public struct AuthorizedCall: Hashable, Sendable {
    private struct Terms: Hashable, Sendable {
        let call: Call
        let caller: Caller
        let models: [ModelID]
        let preferredMachineTypes: [MachineType]
        let speculativeWakes: [ExactString]
        let policy: PlacementPolicy
        let mayWake: Bool
        let priority: Priority
    }

    private let terms: Shared<Terms>

    public var call: Call { terms.value.call }
    public var caller: Caller { terms.value.caller }
    /// The models that may serve it, in the order of the settings; exactly one for a model id.
    public var models: [ModelID] { terms.value.models }
    /// Preferred machine types, best first.
    public var preferredMachineTypes: [MachineType] { terms.value.preferredMachineTypes }
    /// Ids or machine types of runners that are woken together with the chosen one.
    public var speculativeWakes: [ExactString] { terms.value.speculativeWakes }
    /// How to choose among the runners that could serve it.
    public var policy: PlacementPolicy { terms.value.policy }
    /// Whether this call may start the wake of a sleeping machine.
    public var mayWake: Bool { terms.value.mayWake }
    /// Priority among waiting calls.
    public var priority: Priority { terms.value.priority }

    fileprivate init(
        call: Call, caller: Caller, models: [ModelID], preferredMachineTypes: [MachineType],
        speculativeWakes: [ExactString],
        policy: PlacementPolicy, mayWake: Bool, priority: Priority
    ) {
        terms = Shared(
            Terms(
                call: call, caller: caller, models: models, preferredMachineTypes: preferredMachineTypes,
                speculativeWakes: speculativeWakes, policy: policy, mayWake: mayWake, priority: priority))
    }
}

/// Decides which classes and models a caller may request.
///
/// | caller | classes | model ids | admin API |
/// |---|---|---|---|
/// | authenticated | yes | no (403, existing or not) | no |
/// | `model:specific` | yes | yes | no |
/// | `admin` | yes | yes | yes |
///
/// With policies in the settings, the grants of the caller's roles name its classes and ids; the two roles above keep
/// their meaning. The same ruling decides calls and model lists.
///
/// Rights are checked first: a request without the right is refused whether or not its target exists.
public struct AccessPolicy: Hashable, Sendable {
    let classes: ClassTable
    private let wakeRoles: Set<Role>
    private let showsMembers: Bool
    private let exactPlacementPolicy: PlacementPolicy
    let privilegedRoles: PrivilegedRoles
    let grants: [AccessGrant]
    /// False in most settings, so that calls skip the search for a priority.
    private let hasPriorities: Bool

    /// - Parameters:
    ///   - grants: the classes and models that roles may request; empty: every caller may request every class.
    ///   - wakeRoles: roles that may cause a wake; empty: every caller. If there are grants, one of them must permit it
    ///     as well.
    ///   - showsMembers: whether callers that may not request model ids see the members of a class.
    ///   - exactPlacementPolicy: how to choose among the runners of a model that was requested by id.
    ///   - privilegedRoles: the names of the two special roles in the settings, for the log.
    public init(
        classes: ClassTable, wakeRoles: Set<Role> = [], showsMembers: Bool = true,
        exactPlacementPolicy: PlacementPolicy = .leastBusy, grants: [AccessGrant] = [],
        privilegedRoles: PrivilegedRoles = PrivilegedRoles()
    ) {
        self.privilegedRoles = privilegedRoles
        self.grants = grants
        hasPriorities = grants.contains { $0.priority != .normal }
        self.exactPlacementPolicy = exactPlacementPolicy
        self.classes = classes
        self.wakeRoles = wakeRoles
        self.showsMembers = showsMembers
    }

    /// - Throws: `permissionDenied`, or `modelNotFound` for an unknown class. The scheduler decides whether a model id
    ///   exists.
    public func authorize(_ call: Call, by caller: Caller) throws(GatewayError) -> AuthorizedCall {
        let ruling = ruling(on: call.request, for: caller)
        guard ruling.isAllowed else { throw refusal(of: call.request, ruling, caller) }
        switch call.request {
        case .exactly(let model):
            return AuthorizedCall(
                call: call, caller: caller, models: [model], preferredMachineTypes: [], speculativeWakes: [],
                policy: exactPlacementPolicy, mayWake: mayWake(caller), priority: priority(of: call.request, by: caller)
            )
        case .byClass(let name):
            guard let found = classes[name] else {
                throw GatewayError(
                    .modelNotFound, "Unknown class \"\(name)\". GET /v1/models lists the classes you can use.",
                    param: "model")
            }
            return AuthorizedCall(
                call: call, caller: caller, models: found.models,
                preferredMachineTypes: found.preferredMachineTypes, speculativeWakes: found.speculativeWakes,
                policy: found.policy, mayWake: mayWake(caller), priority: priority(of: call.request, by: caller))
        }
    }

    /// Whether the caller may make this request, and the rule that decides. The target need not exist.
    public func ruling(on request: ModelRequest, for caller: Caller) -> AccessRuling {
        let ruling = rulingByRoles(on: request, for: caller)
        return ruling.isAllowed && !credentialsCover(request, caller) ? .beyondCredentials : ruling
    }

    /// Whether the caller's credentials cover the request: restricted ones cover their classes and the members of their
    /// classes.
    private func credentialsCover(_ request: ModelRequest, _ caller: Caller) -> Bool {
        guard let coveredClasses = caller.classes else { return true }
        switch request {
        case .byClass(let name): return coveredClasses.contains(name)
        case .exactly(let model): return !coveredClasses.isDisjoint(with: classes.names(of: model))
        }
    }

    private func rulingByRoles(on request: ModelRequest, for caller: Caller) -> AccessRuling {
        if caller.isAdmin { return .administrator }
        if case .exactly = request, caller.mayRequestSpecificModels { return .specificModels }
        if grants.isEmpty {
            if case .byClass = request { return .allowedWithoutPolicies }
            return .missingRole
        }
        let index = grants.firstIndex { $0.applies(to: caller) && $0.covers(request) }
        return index.map { .granted(index: $0) } ?? .notGranted
    }

    private func refusal(of request: ModelRequest, _ ruling: AccessRuling, _ caller: Caller) -> GatewayError {
        let message =
            switch (request, ruling) {
            case (_, .beyondCredentials):
                "Permission denied: these credentials do not cover \"\(request)\"."
            case (.exactly, .notGranted):
                "Permission denied: no policy grants you this model. GET /v1/models lists the models you can use."
            case (.exactly, _):
                "Permission denied: requests for an exact model id require the role for it. "
                    + "Request a class instead, for example \"class:\(classes.defaultClass)\"."
            case (.byClass, _):
                "Permission denied: no policy grants you this class. GET /v1/models lists the models you can use."
            }
        return GatewayError(.permissionDenied, message, param: "model", cause: cause(of: ruling, request, caller))
    }

    public func mayWake(_ caller: Caller) -> Bool {
        if caller.isAdmin { return true }
        guard wakeRoles.isEmpty || !wakeRoles.isDisjoint(with: caller.roles) else { return false }
        return grants.isEmpty || grants.contains { $0.mayWake && $0.applies(to: caller) }
    }

    /// The highest priority that the caller's policies grant for this request.
    public func priority(of request: ModelRequest, by caller: Caller) -> Priority {
        guard hasPriorities else { return .normal }
        return grants.lazy.filter { $0.applies(to: caller) && $0.covers(request) }.map(\.priority).max() ?? .normal
    }

    /// Whether the caller's model list contains the class.
    public func mayList(class name: ClassName, by caller: Caller) -> Bool {
        ruling(on: .byClass(name), for: caller).isAllowed
    }

    /// Whether the caller's model list contains the model. Clients may request any id in the list, so it contains
    /// exactly the models that the caller may request by id.
    public func mayList(_ model: ModelID, by caller: Caller) -> Bool {
        ruling(on: .exactly(model), for: caller).isAllowed
    }

    /// The members in the list entry of a class: all if the settings show them, otherwise those that the caller may
    /// request by id.
    public func visibleMembers(of modelClass: ModelClass, for caller: Caller) -> [ModelID] {
        showsMembers ? modelClass.models : modelClass.models.filter { mayList($0, by: caller) }
    }

    /// - Throws: `permissionDenied` unless the caller is an administrator.
    public func authorizeAdministration(by caller: Caller) throws(GatewayError) {
        guard caller.isAdmin else {
            throw GatewayError(
                .permissionDenied, "Permission denied: this requires the admin role.",
                cause: causeOfAdministrationRefusal(of: caller))
        }
    }
}
