public import SimpleAICore

/// The state machine that places calls, queues them and wakes machines: events in, results and effects out.
///
/// It has no clock, socket, logger or lock: time is an argument, and every action is returned as a `SchedulerEffect`.
/// `Scheduler` is the shell around it.
///
/// Invariants:
/// - picking a runner and reserving its slot are one step, so a burst cannot pile up on one runner;
/// - the sum of the runners' active calls equals the number of leases;
/// - a machine has at most one wake in progress, however many calls wait for it;
/// - waiting callers are served by fair queueing, and one caller's calls for the same models in order of arrival.
public struct SchedulerState: Sendable {
    public struct Configuration: Sendable {
        /// Maximum number of waiting calls per set of models.
        public var queueLength = 256
        public var queueTimeout: Duration = .seconds(30)
        public var wakeEnabled = true
        public var wakeTimeout: Duration = .seconds(90)
        /// Time after a failed wake before a call may start the next one.
        public var wakeBackoff: Duration = .seconds(30)
        /// A wake fails after this number of attempts if none of them could be sent.
        public var maxFailedWakeAttempts = 3
        /// When packet n (from 0) is sent, from the start of the wake; grows without bound.
        public var packetOffset: @Sendable (Int) -> Duration = { .seconds(15) * $0 }
        /// Prefix that makes wake ids unique across restarts.
        public var wakeIDPrefix = "w"
        public var ejection = EjectionPolicy()
        /// Maximum time to load a model, including calls that have to end and models that have to be unloaded first.
        public var loadTimeout: Duration = .seconds(300)
        /// Time after a failed load before a call may start the next one.
        public var loadBackoff: Duration = .seconds(60)
        /// Idle time after which an agent's machine that can sleep and be woken is put to sleep; zero: never.
        public var sleepAfter: Duration = .zero
        /// Maximum time that a machine takes to fall asleep; its agent's reports during this time are ignored.
        public var sleepGracePeriod: Duration = .seconds(20)
        /// Whether agents' machines that were asleep have to pass a check before they get calls.
        public var checksAfterSleep = false
        /// Time that an agent may be disconnected before its machine counts as asleep or lost.
        public var gracePeriod: Duration = .seconds(5)
        /// Failed probes in a row after which a machine counts as unreachable.
        public var maxFailedProbes = 3

        public init() {}
    }

    @dynamicMemberLookup
    struct Record: Sendable {
        var runner: Runner { didSet { occupancy.update(runner) } }
        var occupancy: Occupancy
        /// The engine's own id of each public model id, as last known.
        var models: [ModelID: EngineModelID]
        /// Whether the list of models is known: from settings, from before a restart, or from the engine.
        var modelsAreKnown: Bool
        var liveness = Liveness()
        var wake: WakeState?
        /// The latest wake that was started.
        var lastWake: PreviousWake?
        var wakeNotBefore: ContinuousClock.Instant?
        /// Number of consecutive failed wakes in which the host responded but its engine did not.
        var failedWakesInARow = 0
        /// Trials of an engine that is loading: failed calls so far, and when the next one is due.
        var trials = LoadingTrials()
        var bootTime = BootTime()
        /// Nil for static runners.
        var agent: AgentState?

        /// Whether a model is in memory; assumed for static runners, whose engines do not report it.
        func hasLoaded(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.residency.loaded.contains(engineModel) ?? true
        }

        /// The first of these models that it can serve without loading.
        func firstLoaded(of wanted: [ModelID]) -> ModelID? { wanted.first(where: canServeNow) }

        func canServeNow(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.canServeNow(engineModel) ?? true
        }

        // These operations run for every call. They change the record in place and return what the caller needs,
        // because reading the record would copy all of it.

        /// Counts the start of a call of a model that it serves.
        /// - Parameter pick: the number of picks so far.
        /// - Returns: the runner, the engine's own id of the model, and whether the runner has served a call since it
        ///   became ready.
        mutating func beginCall(
            of model: ModelID, pick: UInt64
        ) -> (runner: RunnerID, engineModel: EngineModelID, hasServed: Bool) {
            occupancy.begin(pick: pick)
            let engineModel = models[model] ?? EngineModelID(model.rawValue)
            if agent != nil {
                agent?.residency.callBegan(on: engineModel, number: pick)
                agent?.idleSince = nil
            }
            return (runner.id, engineModel, occupancy.health.hasServed)
        }

        /// Counts the end of a call.
        /// - Returns: whether it has an agent, whether it returned to service after an ejection, and whether its engine
        ///   is loading.
        mutating func endCall(
            of engineModel: EngineModelID, _ outcome: LeaseOutcome
        ) -> (hasAgent: Bool, wasReadmitted: Bool, isLoading: Bool) {
            if agent != nil { agent?.residency.callEnded(on: engineModel) }
            return (agent != nil, occupancy.end(outcome), occupancy.state == .loading)
        }

        init(_ runner: Runner, models: [ModelID: EngineModelID], modelsAreKnown: Bool) {
            self.runner = runner
            self.models = models
            self.modelsAreKnown = modelsAreKnown
            occupancy = Occupancy(runner)
        }

        subscript<Value>(dynamicMember member: KeyPath<Occupancy, Value>) -> Value { occupancy[keyPath: member] }

        subscript<Value>(dynamicMember member: WritableKeyPath<Occupancy, Value>) -> Value {
            get { occupancy[keyPath: member] }
            set { occupancy[keyPath: member] = newValue }
        }
    }

    private(set) var configuration: Configuration
    var records: [Record] = []
    var indexByID: [RunnerID: Int] = [:]
    var leases = LeaseTable()
    var queue = WaitQueue()
    private var runnersByModel = RunnersByModel()
    var candidates = CandidateLists()
    /// Runners that can serve each model without loading it.
    var serving: [ModelID: [Int]] { runnersByModel.serving }
    /// Runners that would have to load each model first.
    var loadable: [ModelID: [Int]] { runnersByModel.loadable }
    /// The data that picking reads.
    var table = PickTable()
    /// The runner that took the last call of each set of models, for round robin.
    var lastPicks: [[ModelID]: Int] = [:]
    /// Ejected runners, including those on trial.
    var ejected: Set<Int> = []
    /// Agents that `timePassed` has to check.
    var agentsWithDeadline: Set<Int> = []
    /// Whether a load has blocked models since the waiting calls were last reconsidered.
    var hasModelsBlockedByLoad = false
    /// Runners that refused a call because their engine is loading, and whose next trial is scheduled.
    var runnersWithScheduledTrial: Set<Int> = []
    /// Runners whose machines are waking.
    var waking: Set<Int> = []
    /// When to check machines for their idle time; possibly too early, never too late.
    var nextSleepCheck: ContinuousClock.Instant?
    private var picks: UInt64 = 0
    private var requests: UInt64 = 0
    private var waiters: UInt64 = 0
    private var wakes = 0
    private var timer: ContinuousClock.Instant?
    var effects: [SchedulerEffect] = []

    public init(_ configuration: Configuration = .init()) {
        self.configuration = configuration
    }

    /// Applies a new configuration to later decisions; waiting calls keep their deadlines.
    public mutating func reconfigure(_ new: Configuration, now: ContinuousClock.Instant) {
        let prefix = configuration.wakeIDPrefix
        configuration = new
        // Otherwise two wakes of one process could have the same id.
        configuration.wakeIDPrefix = prefix
        reconsiderWaiters(now: now)
    }

    /// Returns the effects since the last call of this function.
    public mutating func takeEffects() -> [SchedulerEffect] {
        if effects.isEmpty && timer == nil && hasNoDeadline { return [] }
        let wanted = nextDeadline
        if let wanted, timer.map({ wanted < $0 }) ?? true { effects.append(.startTimer(wanted)) }
        timer = wanted
        defer { effects = [] }
        return effects
    }

    private var hasNoDeadline: Bool {
        queue.count == 0 && waking.isEmpty && ejected.isEmpty && agentsWithDeadline.isEmpty
            && runnersWithScheduledTrial.isEmpty
            && nextSleepCheck == nil
    }

    // MARK: Calls

    /// Places a call: picks a runner and reserves its slot in one step. If no slot is free, the call waits, or is
    /// refused if waiting cannot help.
    public mutating func place(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        let placement = decide(request, now: now)
        if hasModelsBlockedByLoad { reconsiderWaiters(now: now) }
        return placement
    }

    private mutating func decide(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        if let lease = reserve(for: request, waited: .zero, wake: nil) { return .granted(lease) }
        let waitReason: Waiter.WaitReason
        switch admission(for: request, now: now) {
        case .waitReason(let found): waitReason = found
        case .none(let error): return .refused(error)
        }
        if queue.length(for: request.models) >= configuration.queueLength {
            guard let evicted = queue.evictCall(for: request) else {
                return .refused(
                    GatewayError(
                        .queueFull, "Too many calls are waiting for this model. Retry later.",
                        retry: .after(.seconds(5))))
            }
            effects.append(
                .reject(
                    evicted,
                    GatewayError(
                        .queueFull, "Too many of your calls are waiting for this model. Retry later.",
                        retry: .after(.seconds(5)))))
        }
        waiters += 1
        var waiter = Waiter(
            id: WaiterID(number: waiters), request: request, since: now, waitReason: waitReason,
            deadline: deadline(of: waitReason, for: request, now))
        if case .wake(let id) = waitReason {
            waiter.startWaiting(for: id)
            wakeSpeculatively(for: &waiter, now: now)
        }
        queue.append(waiter)
        return .waiting(waiter.id, machineIsWaking: waiter.wake != nil)
    }

    /// Returns a lease. Returning it twice only increments a counter.
    /// - Parameter outcome: what the call showed about the runner.
    public mutating func release(
        _ lease: LeaseID, outcome: LeaseOutcome = .undecided, now: ContinuousClock.Instant
    ) {
        guard let (index, engineModel) = leases.returnLease(lease) else { return }
        let (hasAgent, wasReadmitted, isLoading) = records[index].endCall(of: engineModel, outcome)
        if hasAgent { advanceLoad(onRunnerAt: index) }
        if isLoading {
            trialEnded(ofRunnerAt: index, outcome, now: now)
        } else {
            if wasReadmitted { readmit(index) }
            if outcome != .served { applyEvidence(of: outcome, ofRunnerAt: index, now: now) }
        }
        updateRank(ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        // Slots of ejected runners are for calls that no other runner can serve.
        if !ejected.isEmpty { reconsiderWaiters(now: now) }
        if hasAgent { trackIdleTime(ofRunnerAt: index, now: now) }
        clearIfRemoved(index)
    }

    /// Removes a waiting call whose client closed the connection. A wake that it started continues, because the machine
    /// boots anyway.
    public mutating func abandon(_ waiter: WaiterID, models: [ModelID]) {
        _ = queue.remove(waiter, models: models)
    }

    // MARK: Choosing

    /// Picks the best runner with a free slot and reserves the slot.
    mutating func reserve(for request: PlacementRequest, waited: Duration, wake: WakeID?) -> Lease? {
        guard let best = pick(for: request) ?? pickAmongEjected(for: request) else { return nil }
        if request.policy == .roundRobin { lastPicks[request.models] = best.index }
        return reserve(best.model, onRunnerAt: best.index, waited: waited, wake: wake)
    }

    private mutating func reserve(
        _ model: ModelID, onRunnerAt index: Int, waited: Duration, wake: WakeID?
    ) -> Lease {
        picks += 1
        let (runner, engineModel, hasServed) = records[index].beginCall(of: model, pick: picks)
        updateRank(ofRunnerAt: index)
        return Lease(
            id: leases.issue(forRunnerAt: index, engineModel), runner: runner, model: model, engineModel: engineModel,
            waited: waited, wake: wake, runnerHasServed: hasServed)
    }

    /// Grants free slots of one runner to the calls that wait for it, by fair queueing.
    mutating func serveWaiters(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        // Reserving a slot changes the free slots, never the models that the runner can serve.
        while queue.count > 0, records[index].canTakeCall {
            let record = records[index]
            let next = queue.takeNext(
                for: record.runner.id, at: index, couldServe: { record.firstLoaded(of: $0) != nil },
                canServe: { $0.request.allows(record.runner.id) })
            guard let waiter = next, let model = record.firstLoaded(of: waiter.request.models) else { return }
            grant((index, model), to: waiter, now: now)
        }
    }

    mutating func grant(_ choice: Choice, to waiter: Waiter, now: ContinuousClock.Instant) {
        let lease = reserve(
            choice.model, onRunnerAt: choice.index, waited: waiter.since.duration(to: now),
            wake: waiter.wake(of: records[choice.index].lastWake?.id))
        effects.append(.grant(waiter.id, lease))
    }

    // MARK: Index

    /// Runners that list a model, loaded or not.
    func runners(listing model: ModelID) -> [Int] { runnersByModel.listing(model) }

    /// Call this whenever the models that a runner lists or has loaded may have changed.
    mutating func reindex(_ index: Int) {
        let record = records[index]
        let listed = record.isLeaving ? [:] : record.models
        let models = Dictionary(uniqueKeysWithValues: listed.keys.lazy.map { ($0, record.canServeNow($0)) })
        if runnersByModel.update(index, to: models) { candidates = CandidateLists() }
    }

    /// Clears the requested timer, which has fired.
    mutating func clearTimer() { timer = nil }

    mutating func makeCommandID() -> CommandID {
        requests += 1
        return CommandID(number: requests)
    }

    mutating func makeWakeID() -> WakeID {
        wakes += 1
        return WakeID("\(configuration.wakeIDPrefix)\(wakes)")
    }
}
