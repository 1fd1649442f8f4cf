public import SimpleAICore

/// What the scheduler needs to know about a call.
public struct PlacementRequest: Hashable, Sendable {
    /// The caller, for fair queueing if the call has to wait.
    public let caller: CallerID
    public let priority: Priority
    /// The models of which any may serve the call.
    public let models: [ModelID]
    /// True if the caller requested one model id: an unknown model is then the caller's error.
    public let isExact: Bool
    public let preferredMachineTypes: [MachineType]
    public let policy: PlacementPolicy
    /// Fingerprint of the conversation; nil if no policy needs it.
    public let affinity: PrefixFingerprint?
    public let mayWake: Bool
    /// Ids or machine types of runners that are woken together with the chosen one.
    public let speculativeWakes: [ExactString]
    /// Runners that already failed this call, or that lack its endpoint.
    public let excluded: Set<RunnerID>
    /// The excluded runners that are excluded because they lack the call's endpoint; only for explanations.
    public var lackingEndpoint: Set<RunnerID> = []
    /// The only runner that can serve the call, because it created the response that the call continues; nil for any.
    public let only: RunnerID?
    /// When the call began to wait for a loading engine; nil if it has not.
    public var loadingSince: ContinuousClock.Instant?

    public init(
        _ authorized: AuthorizedCall, affinity: PrefixFingerprint? = nil, only: RunnerID? = nil,
        excluding excluded: Set<RunnerID> = []
    ) {
        self.only = only
        caller = authorized.caller.id
        priority = authorized.priority
        policy = authorized.policy
        self.affinity = affinity
        models = authorized.models
        if case .exactly = authorized.call.request { isExact = true } else { isExact = false }
        preferredMachineTypes = authorized.preferredMachineTypes
        mayWake = authorized.mayWake
        speculativeWakes = authorized.speculativeWakes
        self.excluded = excluded
    }

    init(
        models: [ModelID], isExact: Bool = false, preferredMachineTypes: [MachineType] = [],
        policy: PlacementPolicy = .leastBusy, affinity: PrefixFingerprint? = nil, mayWake: Bool = true,
        speculativeWakes: [ExactString] = [], excluded: Set<RunnerID> = [], only: RunnerID? = nil,
        caller: CallerID = Caller.anonymous.id, priority: Priority = .normal
    ) {
        self.caller = caller
        self.priority = priority
        self.only = only
        self.policy = policy
        self.affinity = affinity
        self.models = models
        self.isExact = isExact
        self.preferredMachineTypes = preferredMachineTypes
        self.mayWake = mayWake
        self.speculativeWakes = speculativeWakes
        self.excluded = excluded
    }

    /// Whether the call permits this runner.
    func allows(_ runner: RunnerID) -> Bool { (only ?? runner) == runner && !excluded.contains(runner) }
}

extension PlacementRequest {
    func excluding(_ excluded: Set<RunnerID>) -> PlacementRequest {
        var request = PlacementRequest(
            models: models, isExact: isExact, preferredMachineTypes: preferredMachineTypes, policy: policy,
            affinity: affinity, mayWake: mayWake, speculativeWakes: speculativeWakes, excluded: excluded, only: only,
            caller: caller, priority: priority)
        request.loadingSince = loadingSince
        request.lackingEndpoint = lackingEndpoint
        return request
    }
}

/// Identifies one call that waits for a lease.
public struct WaiterID: Hashable, Sendable {
    let number: UInt64
}

/// The scheduler's result for a lease request.
public enum Placement: Hashable, Sendable {
    case granted(Lease)
    /// The result follows later; `machineIsWaking` states whether the call waits for a wake.
    case waiting(WaiterID, machineIsWaking: Bool)
    case refused(GatewayError)
}
