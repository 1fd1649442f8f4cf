public import SimpleAICore

/// Who serves which call, who waits, and which machine is being woken: events in, answers and effects out.
///
/// No clock, no socket, no logger and no lock: time is an argument, and everything that has to happen outside comes out
/// as a `SchedulerEffect`. `Scheduler` is the shell around it.
///
/// What always holds:
/// - picking a runner and reserving its slot are one step, so a burst cannot pile up on one runner;
/// - the sum of the runners' active calls equals the number of leases;
/// - a machine has at most one wake in flight, however many calls wait for it;
/// - callers who wait take turns, and of one caller's calls for the same models the first to come is served first.
public struct SchedulerState: Sendable {
    public struct Configuration: Sendable {
        /// Waiting calls per set of models.
        public var queueLength = 256
        public var queueTimeout: Duration = .seconds(30)
        public var wakeEnabled = true
        public var wakeTimeout: Duration = .seconds(90)
        /// How long a failed wake keeps the next call from trying again.
        public var wakeBackOff: Duration = .seconds(30)
        /// So many attempts to send something, none of which could be made, end a wake: nothing has left this host.
        public var attemptsUntilHopeless = 3
        /// When the n-th packet goes out, from the start of the wake, counted from 0; grows without bound.
        public var packetOffset: @Sendable (Int) -> Duration = { .seconds(15) * $0 }
        /// Makes wake ids unique over restarts.
        public var wakeIDPrefix = "w"
        public var ejection = EjectionPolicy()
        /// How long a runner may take to load a model, whatever has to end or go before it included.
        public var loadTimeout: Duration = .seconds(300)
        /// How long a load that failed keeps the next call from trying again.
        public var loadBackOff: Duration = .seconds(60)
        /// So long without a call, and an agent's machine that can sleep and be woken is put to sleep; zero: never.
        public var sleepAfter: Duration = .zero
        /// How long a machine may take to fall asleep; what its agent says meanwhile is of before.
        public var sleepSettling: Duration = .seconds(20)
        /// Whether agents' machines that were asleep have to pass a check before calls go there.
        public var checksAfterSleep = false
        /// How long an agent may be away before its machine counts as asleep or lost.
        public var grace: Duration = .seconds(5)
        /// Probes in a row that must find nobody before a machine counts as gone.
        public var probesUntilGone = 3

        public init() {}
    }

    @dynamicMemberLookup
    struct Record: Sendable {
        var runner: Runner { didSet { occupancy.take(runner) } }
        var occupancy: Occupancy
        /// Public id to the engine's own, as last known.
        var models: [ModelID: EngineModelID]
        /// Whether the list of models is known: stated, remembered, or heard from the engine.
        var modelsAreKnown: Bool
        var liveness = Liveness()
        var wake: WakeState?
        /// The last one that was begun.
        var lastWake: PastWake?
        var wakeNotBefore: ContinuousClock.Instant?
        /// Wakes in a row after which the same host as before answered, and no engine.
        var fruitlessWakes = 0
        /// Of a loading engine: calls that tried in vain, and when the next one tries.
        var trials = LoadingTrials()
        var bootTime = BootTime()
        /// Nil for static runners.
        var agent: AgentState?

        /// Whether a model is in memory, as far as anybody knows: static runners' engines do not tell.
        func hasLoaded(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.residency.loaded.contains(engineModel) ?? true
        }

        /// The first of these models that it can serve without loading anything.
        func firstAtHand(of wanted: [ModelID]) -> ModelID? { wanted.first(where: hasAtHand) }

        func hasAtHand(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.hasAtHand(engineModel) ?? true
        }

        // What is done for every call changes a record where it lies and says what there is to know: to read it means to
        // copy all of it first.

        /// One more call of a model that it serves.
        /// - Parameter pick: the number of picks so far.
        /// - Returns: the runner, what its engine calls the model, and whether it has served a call since it became ready.
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

        /// - Returns: whether its agent has to be looked at, whether it is back in service after an ejection, and whether
        ///   its engine loads.
        mutating func endCall(
            of engineModel: EngineModelID, _ outcome: LeaseOutcome
        ) -> (hasAgent: Bool, isBack: Bool, isLoading: Bool) {
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
    /// Which runners can serve which model at once.
    var serving: [ModelID: [Int]] { runnersByModel.serving }
    /// Which runners would have to load it first.
    var loadable: [ModelID: [Int]] { runnersByModel.loadable }
    /// What picking looks at.
    var table = PickTable()
    /// Which runner took the last call of each set of models that is served in turn.
    var turns: [[ModelID]: Int] = [:]
    /// Ejected runners, on trial or not.
    var ejected: Set<Int> = []
    /// Agents that `timePassed` has to look at.
    var attended: Set<Int> = []
    /// Some model that others may wait for gets no new calls any more, because another has to be loaded.
    var somethingIsHeld = false
    /// Runners whose engines load, as calls have found: the next trial is due at some time.
    var tried: Set<Int> = []
    /// The runners whose machines are being woken.
    var waking: Set<Int> = []
    /// When machines have to be looked at that may have been idle for long enough; perhaps too early, never too late.
    var nextSleepLook: ContinuousClock.Instant?
    private var picks: UInt64 = 0
    private var requests: UInt64 = 0
    private var waiters: UInt64 = 0
    private var wakes = 0
    private var timer: ContinuousClock.Instant?
    var effects: [SchedulerEffect] = []

    public init(_ configuration: Configuration = .init()) {
        self.configuration = configuration
    }

    /// Other limits and times, for what is decided from now on; who waits already keeps the deadline it was given.
    public mutating func reconfigure(_ new: Configuration, now: ContinuousClock.Instant) {
        let prefix = configuration.wakeIDPrefix
        configuration = new
        // Or two wakes of one process could have the same name.
        configuration.wakeIDPrefix = prefix
        reconsiderWaiters(now: now)
    }

    /// What has to happen outside since the last time this was asked.
    public mutating func takeEffects() -> [SchedulerEffect] {
        if effects.isEmpty && timer == nil && hasNoDeadline { return [] }
        let wanted = nextDeadline
        if let wanted, timer.map({ wanted < $0 }) ?? true { effects.append(.startTimer(wanted)) }
        timer = wanted
        defer { effects = [] }
        return effects
    }

    private var hasNoDeadline: Bool {
        queue.count == 0 && waking.isEmpty && ejected.isEmpty && attended.isEmpty && tried.isEmpty
            && nextSleepLook == nil
    }

    // MARK: Calls

    /// Asks for a lease. Picks and reserves in one step; otherwise waits where waiting can help, and refuses where not.
    public mutating func place(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        let placement = decide(request, now: now)
        if somethingIsHeld { reconsiderWaiters(now: now) }
        return placement
    }

    private mutating func decide(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        if let lease = reserve(for: request, waited: .zero, wake: nil) { return .granted(lease) }
        let hope: Waiter.Hope
        switch prospect(for: request, now: now) {
        case .hope(let found): hope = found
        case .none(let error): return .refused(error)
        }
        if queue.length(for: request.models) >= configuration.queueLength {
            guard let whoGivesWay = queue.makeRoom(for: request) else {
                return .refused(
                    GatewayError(
                        .queueFull, "Too many calls are waiting for this model. Try again shortly.",
                        retry: .after(.seconds(5))))
            }
            effects.append(
                .reject(
                    whoGivesWay,
                    GatewayError(
                        .queueFull, "Too many of your calls are waiting for this model. Try again shortly.",
                        retry: .after(.seconds(5)))))
        }
        waiters += 1
        var waiter = Waiter(
            id: WaiterID(number: waiters), request: request, since: now, hope: hope,
            deadline: deadline(of: hope, for: request, now))
        if case .wake(let id) = hope {
            waiter.waits(for: id)
            wakeSpeculatively(for: &waiter, now: now)
        }
        queue.append(waiter)
        return .waiting(waiter.id, machineIsWaking: waiter.wake != nil)
    }

    /// Gives a slot back. Returning a lease twice changes nothing but a counter.
    /// - Parameter outcome: what the call told about the runner.
    public mutating func release(
        _ lease: LeaseID, outcome: LeaseOutcome = .undecided, now: ContinuousClock.Instant
    ) {
        guard let (index, engineModel) = leases.takeBack(lease) else { return }
        let (hasAgent, isBack, isLoading) = records[index].endCall(of: engineModel, outcome)
        if hasAgent { advanceLoad(onRunnerAt: index) }
        if isLoading {
            trialEnded(ofRunnerAt: index, outcome, now: now)
        } else {
            if isBack { readmit(index) }
            if outcome != .served { takeEvidence(of: outcome, ofRunnerAt: index, now: now) }
        }
        updateRank(ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        // A slot of an ejected runner is for those who have nobody else.
        if !ejected.isEmpty { reconsiderWaiters(now: now) }
        if hasAgent { noteIdleness(ofRunnerAt: index, now: now) }
        forgetIfGone(index)
    }

    /// A waiting call's client has gone. The wake it may have caused goes on, since the machine boots anyway.
    public mutating func abandon(_ waiter: WaiterID, models: [ModelID]) {
        _ = queue.remove(waiter, models: models)
    }

    // MARK: Choosing

    /// Picks the best runner that has a free slot and takes the slot.
    mutating func reserve(for request: PlacementRequest, waited: Duration, wake: WakeID?) -> Lease? {
        guard let best = pick(for: request) ?? pickAmongEjected(for: request) else { return nil }
        if request.policy == .roundRobin { turns[request.models] = best.index }
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

    /// Gives free slots of one runner to those who wait for it, as their turns come.
    mutating func serveWaiters(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        // Giving a slot changes what the runner has free, never what it has at hand.
        while queue.count > 0, records[index].canTakeCall {
            let record = records[index]
            let next = queue.takeNext(
                for: record.runner.id, at: index, couldServe: { record.firstAtHand(of: $0) != nil },
                canServe: { $0.request.allows(record.runner.id) })
            guard let waiter = next, let model = record.firstAtHand(of: waiter.request.models) else { return }
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

    /// To be called whenever what a runner lists, or has loaded, may have changed.
    mutating func reindex(_ index: Int) {
        let record = records[index]
        let listed = record.isLeaving ? [:] : record.models
        let models = Dictionary(uniqueKeysWithValues: listed.keys.lazy.map { ($0, record.hasAtHand($0)) })
        if runnersByModel.update(index, to: models) { candidates = CandidateLists() }
    }

    /// The timer that was asked for has fired.
    mutating func clearTimer() { timer = nil }

    mutating func makeRequest() -> RunnerRequest {
        requests += 1
        return RunnerRequest(number: requests)
    }

    mutating func makeWakeID() -> WakeID {
        wakes += 1
        return WakeID("\(configuration.wakeIDPrefix)\(wakes)")
    }
}
