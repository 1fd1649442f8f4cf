/// A call that its caller is allowed to make. Only `AccessPolicy` can make one, so a skipped check does not compile.
public struct AuthorizedCall: Hashable, Sendable {
    public let call: Call
    public let caller: Caller
    /// The models that may serve it, in order of settings; one for an exact id.
    public let models: [ModelID]
    /// Machine types that are preferred, best first.
    public let preferredMachineTypes: [String]
    /// How to choose among the runners that could serve it.
    public let policy: PlacementPolicy
    /// Whether this caller may cause a sleeping machine to be woken.
    public let mayWake: Bool

    fileprivate init(
        call: Call, caller: Caller, models: [ModelID], preferredMachineTypes: [String], policy: PlacementPolicy,
        mayWake: Bool
    ) {
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
/// Rights come before existence: an exact id without the right is refused whether it exists or not.
public struct AccessPolicy: Hashable, Sendable {
    private let classes: ClassTable
    private let wakeRoles: Set<Role>
    private let showsMembers: Bool
    private let exactPolicy: PlacementPolicy

    /// - Parameters:
    ///   - wakeRoles: who may cause a wake; empty means every caller.
    ///   - showsMembers: whether callers who may not ask for ids see the members of classes in lists.
    ///   - exactPolicy: how to choose among the runners of a model that was asked for by its id.
    public init(
        classes: ClassTable, wakeRoles: Set<Role> = [], showsMembers: Bool = true,
        exactPolicy: PlacementPolicy = .leastBusy
    ) {
        self.exactPolicy = exactPolicy
        self.classes = classes
        self.wakeRoles = wakeRoles
        self.showsMembers = showsMembers
    }

    /// - Throws: `permissionDenied`, or `modelNotFound` for a class that does not exist. Whether an exact id exists is
    ///   the scheduler's knowledge.
    public func authorize(_ call: Call, by caller: Caller) throws(GatewayError) -> AuthorizedCall {
        switch call.request {
        case .exactly(let model):
            guard caller.mayAskForExactModels else {
                throw GatewayError(
                    .permissionDenied,
                    "Permission denied: asking for a model by its id needs the right to do so. "
                        + "Ask for a class instead, for example \"class:\(classes.defaultClass)\".",
                    param: "model")
            }
            guard mayReach(model, caller) else {
                throw GatewayError(
                    .permissionDenied, "Permission denied: these credentials are not for this model.", param: "model")
            }
            return AuthorizedCall(
                call: call, caller: caller, models: [model], preferredMachineTypes: [], policy: exactPolicy,
                mayWake: mayWake(caller))
        case .byClass(let name):
            guard caller.classes?.contains(name) ?? true else {
                throw GatewayError(
                    .permissionDenied, "Permission denied: these credentials are not for \"class:\(name)\".",
                    param: "model")
            }
            guard let found = classes[name] else {
                throw GatewayError(
                    .modelNotFound, "There is no class \"\(name)\". GET /v1/models lists what you may ask for.",
                    param: "model")
            }
            return AuthorizedCall(
                call: call, caller: caller, models: found.models,
                preferredMachineTypes: found.preferredMachineTypes, policy: found.policy, mayWake: mayWake(caller))
        }
    }

    public func mayWake(_ caller: Caller) -> Bool {
        wakeRoles.isEmpty || caller.isAdmin || !wakeRoles.isDisjoint(with: caller.roles)
    }

    /// Whether a model stands in the caller's list: everything for those who may ask for ids, else the members of
    /// classes, if settings show them.
    public func mayList(_ model: ModelID, by caller: Caller) -> Bool {
        (caller.mayAskForExactModels || (showsMembers && !classes.names(of: model).isEmpty)) && mayReach(model, caller)
    }

    /// Whether a class stands in the caller's list.
    public func mayList(class name: ClassName, by caller: Caller) -> Bool { caller.classes?.contains(name) ?? true }

    /// Credentials that are good for some classes only are good for those classes' members.
    private func mayReach(_ model: ModelID, _ caller: Caller) -> Bool {
        caller.classes.map { !$0.isDisjoint(with: classes.names(of: model)) } ?? true
    }

    /// - Throws: `permissionDenied` unless the caller is an admin.
    public func authorizeAdministration(by caller: Caller) throws(GatewayError) {
        guard caller.isAdmin else {
            throw GatewayError(.permissionDenied, "Permission denied: this needs the admin role.")
        }
    }
}
