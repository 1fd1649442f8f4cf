public import SimpleAICore

/// What the scheduler needs to know about a call.
public struct PlacementRequest: Hashable, Sendable {
    /// Who waits, if it has to: callers take turns.
    public let caller: CallerID
    public let priority: Priority
    /// Any of these may serve it.
    public let models: [ModelID]
    /// True when the caller asked for one id: a model that nobody knows is then the caller's mistake.
    public let isExact: Bool
    public let preferredMachineTypes: [MachineType]
    public let policy: PlacementPolicy
    /// What is known of the conversation; nil where no policy asks for it.
    public let affinity: PrefixFingerprint?
    public let mayWake: Bool
    /// Ids or machine types of runners that are woken beside the one that is chosen.
    public let speculativeWakes: [ExactString]
    /// Runners that already failed this call.
    public let excluded: Set<RunnerID>
    /// The only runner that can serve it, because it made what the call goes on with; nil for any.
    public let only: RunnerID?
    /// Since when the call has waited for an engine that loads, if one told it so.
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

    /// Whether this runner may serve it, as far as the call is concerned.
    func allows(_ runner: RunnerID) -> Bool { (only ?? runner) == runner && !excluded.contains(runner) }
}

extension PlacementRequest {
    func excluding(_ excluded: Set<RunnerID>) -> PlacementRequest {
        var request = PlacementRequest(
            models: models, isExact: isExact, preferredMachineTypes: preferredMachineTypes, policy: policy,
            affinity: affinity, mayWake: mayWake, speculativeWakes: speculativeWakes, excluded: excluded, only: only,
            caller: caller, priority: priority)
        request.loadingSince = loadingSince
        return request
    }
}

/// Names one call that waits for a lease.
public struct WaiterID: Hashable, Sendable {
    let number: UInt64
}

/// The scheduler's answer to a request for a lease.
public enum Placement: Hashable, Sendable {
    case granted(Lease)
    /// An answer will follow; `machineIsWaking` tells what it waits for.
    case waiting(WaiterID, machineIsWaking: Bool)
    case refused(GatewayError)
}
