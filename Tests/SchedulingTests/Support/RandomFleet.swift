import SimpleAICore
import Testing

@testable import Scheduling

/// A scheduler that receives random events, and the invariants that must hold after each.
struct RandomFleet {
    private var random: SeededGenerator
    var state: SchedulerState
    private let runners: [Runner]
    private var now = ContinuousClock.now
    var timer: ContinuousClock.Instant?

    var leases: [(lease: Lease, index: Int)] = []
    private var returned: [Lease] = []
    var waiting: [WaiterID: PlacementRequest] = [:]
    private var ledger = GrantLedger()
    private var sleepLedger: SleepLedger
    /// Which runners could serve which models before this event.
    private var atHandBefore: [ModelID: [Int]] = [:]
    /// The call that is being placed: it may evict another one.
    private var placing: PlacementRequest?
    private var abandoned: Set<WaiterID> = []
    var wakes: [RunnerID: (id: WakeID, packets: Int)] = [:]
    /// The latest of them.
    private var requests: [(runner: RunnerID, request: CommandID, isCheck: Bool)] = []
    var doubleReturns = 0
    private var events: [String: Int] = [:]
    /// What has happened, and how often.
    var tally: [String: Int] { events.merging(ledger.tally) { $1 } }

    /// Static runners, which no agent registers: the gateway puts their machines to sleep itself.
    private static let gatewaySleepers: Set<RunnerID> = ["r4", "r6"]
    private static let models: [ModelID] = ["a", "b", "c", "d"]
    /// Callers by how busy they are, each with its own priority.
    private static let callers: [(id: CallerID, priority: Priority)] = [
        (0, 0), (0, 0), (0, 0), (1, 0), (1, 0), (2, 0), (3, 3), (4, 1), (5, 4),
    ].map { (CallerID(subject: SubjectID("c\($0.0)"), issuer: ""), Priority(level: $0.1)) }

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var configuration = SchedulerState.Configuration()
        configuration.queueLength = 6
        configuration.queueTimeout = .seconds(20)
        configuration.wakeTimeout = .seconds(60)
        configuration.packetOffset = Bench.offset
        configuration.gracePeriod = .seconds(3)
        configuration.sleepAfter = .seconds(4)
        configuration.sleepGracePeriod = .seconds(2)
        configuration.sleepCommandTimeout = .seconds(3)
        configuration.checksAfterSleep = true
        configuration.loadTimeout = .seconds(15)
        configuration.loadBackoff = .seconds(5)
        configuration.ejection = EjectionPolicy(failures: 2, duration: .seconds(8), maxShare: 0.5)
        state = SchedulerState(configuration)
        sleepLedger = SleepLedger(configuration)
        runners = (0..<7).map { index in
            let id = RunnerID("r\(index)")
            return Runner(
                id: id, slots: index % 3 + 1, weight: index % 2 + 1,
                machineType: (["gpu", "cpu", ""] as [MachineType])[index % 3], canBeWoken: index % 2 == 0,
                hasSleepMethod: Self.gatewaySleepers.contains(id), statedModels: index == 0 ? ["a", "b"] : [],
                aliases: index == 1 ? ["c": "x"] : [:])
        }
        for runner in runners { state.add(runner, rememberedModels: runner.id == "r2" ? ["b", "d"] : []) }
    }

    mutating func run(events: Int) throws {
        for event in 0..<events {
            try step()
            // A broken invariant stays broken for a while, so not every event has to be checked. A prime interval, so
            // that no rhythm of the events hides between two checks.
            if event % 17 == 0 { try check() }
        }
        try end()
    }

    // MARK: Events

    private mutating func step() throws {
        atHandBefore = state.placement.serving
        sleepLedger.eventBegan()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<34: try place()
        case 34..<59: release()
        case 59..<60: comeOrGo()
        case 60..<64: abandon()
        case 64..<76: try answer()
        case 76..<82:
            state.runnerUnreachable(absentRunner(), lastContactAt: .random(using: &random) ? nil : now, now: now)
        case 82..<83: state.runnerRefusedConnection(absentRunner(), now: now)
        case 83..<84:
            let runner = anyRunner()
            _ = sleepLedger.responded(runner, now: now)
            state.runnerIsLoading(runner, now: now)
        case 84..<85:
            if .random(using: &random) {
                state.runnerSilent(anyRunner(), now: now)
            } else {
                state.foreignServerResponded(absentRunner(), now: now)
            }
        case 85..<87: state.callCouldNotConnect(anyRunner(), now: now)
        case 87..<92: hearOfAgent()
        case 92..<93: attemptWake()
        case 93..<95: try answerRequest()
        case 95: operate()
        default: passTime()
        }
        try collect()
        placing = nil
    }

    private mutating func operate() {
        if .random(using: &random) {
            if case .started = state.wakeMachine(anyRunner(), now: now) { events["woken by hand", default: 0] += 1 }
        } else {
            if case .commandSent = state.sleepMachine(anyRunner(), now: now) {
                events["put to sleep by hand", default: 0] += 1
            }
        }
    }

    private mutating func anyRunner() -> RunnerID { runners.randomElement(using: &random)?.id ?? "r0" }

    /// A runner whose engine does not respond.
    private mutating func absentRunner() -> RunnerID {
        let runner = anyRunner()
        sleepLedger.stoppedResponding(runner)
        return runner
    }

    private func believed(_ runner: RunnerID) -> RunnerState? {
        state.placement.indexByID[runner].map { state.placement[$0].state }
    }

    private mutating func place() throws {
        let isExact = Bool.random(using: &random)
        let model = Self.models.randomElement(using: &random) ?? "a"
        let models: [ModelID] = isExact ? [model] : .random(using: &random) ? ["a", "b"] : ["b", "c", "d"]
        var excluded: Set<RunnerID> = []
        while Int.random(in: 0..<6, using: &random) == 0 { excluded.insert(anyRunner()) }
        let caller = Self.callers.randomElement(using: &random) ?? Self.callers[0]
        let request = PlacementRequest(
            models: models, isExact: isExact,
            preferredMachineTypes: isExact || .random(using: &random) ? [] : ["gpu", "cpu"],
            policy: PlacementPolicy.allCases.randomElement(using: &random) ?? .leastBusy,
            affinity: PrefixFingerprint("\(Int.random(in: 0..<9, using: &random))".utf8),
            mayWake: Int.random(in: 0..<5, using: &random) > 0,
            speculativeWakes: Int.random(in: 0..<8, using: &random) == 0 ? ["gpu", "r4"] : [], excluded: excluded,
            only: Int.random(in: 0..<12, using: &random) == 0 ? anyRunner() : nil, caller: caller.id,
            priority: caller.priority)
        // Not for every call: it examines all runners.
        let told = Int.random(in: 0..<50, using: &random) == 0 ? state.explain(request, now: now) : nil
        placing = request
        let (lowest, ranks) = (lowestRank(for: request), state.placement.table.ranks)
        let choice = state.placement.choice(for: request)
        let placement = state.place(request, now: now)
        if let told { try expect(Self.agrees(told.outcome, with: placement), "the explanation matches the placement") }
        switch placement {
        case .granted(let lease):
            events["granted", default: 0] += 1
            try expect(
                choice.map { state.records[$0.index].runner.id == lease.runner && $0.model == lease.model } ?? false,
                "the query chooses the same runner")
            if let lowest, let index = state.placement.indexByID[lease.runner] {
                events["least busy", default: 0] += 1
                try expect(ranks[index] == lowest, "the least busy runner gets the call")
            }
            try hold(lease, for: request)
        case .waiting(let id, _):
            try expect(waiting[id] == nil, "a waiter's id is new")
            waiting[id] = request
            ledger.begins(id)
        case .refused(let error): events[error.code.rawValue, default: 0] += 1
        }
    }

    /// The rank that picking has to find without preferences and exclusions, by a scan of all runners.
    private func lowestRank(for request: PlacementRequest) -> PlacementRank? {
        guard request.policy == .leastBusy, request.only == nil, request.excluded.isEmpty,
            request.preferredMachineTypes.isEmpty
        else { return nil }
        let ranks = request.models.flatMap { state.placement.serving[$0] ?? [] }.map { state.placement.table.ranks[$0] }
        return ranks.filter { $0 != .unable }.min()
    }

    private static func agrees(_ told: PlacementExplanation.Outcome, with placement: Placement) -> Bool {
        switch (told, placement) {
        case (.served(let runner, let model), .granted(let lease)): runner == lease.runner && model == lease.model
        case (.waitsForWake, .waiting(_, machineIsWaking: let isWaking)): isWaking
        case (.waitsForSlot, .waiting(_, machineIsWaking: let isWaking)),
            (.waitsForLoad, .waiting(_, machineIsWaking: let isWaking)),
            (.waitsForProbe, .waiting(_, machineIsWaking: let isWaking)):
            !isWaking
        case (.refused(let expected), .refused(let error)): expected == error
        default: false
        }
    }

    private mutating func hold(_ lease: Lease, for request: PlacementRequest) throws {
        let index = try #require(state.placement.indexByID[lease.runner])
        try expect(request.models.contains(lease.model), "the lease is for a model that was asked for")
        try expect(request.allows(lease.runner), "an excluded runner serves no call")
        try expect([.ready, .loading].contains(state.placement[index].state), "only ready runners serve, and trials")
        try expect(state.records[index].models[lease.model] == lease.engineModel, "the runner has the model")
        try expect(state.records[index].hasLoaded(lease.model), "nothing is given that has to be loaded first")
        try expect(!leases.contains { $0.lease.id == lease.id }, "a lease is new")
        leases.append((lease, index))
    }

    private mutating func release() {
        if Int.random(in: 0..<40, using: &random) == 0, let old = returned.randomElement(using: &random) {
            state.release(old.id, now: now)
            doubleReturns += 1
            return
        }
        guard let index = leases.indices.randomElement(using: &random) else { return }
        let lease = leases.remove(at: index).lease
        returned.append(lease)
        if returned.count > 50 { returned.removeFirst() }
        let outcomes: [LeaseOutcome] = [
            .served, .served, .failed, .failed, .internalError(of: Caller.anonymous.id), .undecided,
            .loading, .foreignResponse,
        ]
        state.release(lease.id, outcome: outcomes.randomElement(using: &random) ?? .served, now: now)
    }

    /// Runners are removed, added or changed in one step, as a reload of the settings does.
    private mutating func comeOrGo() {
        var (coming, leaving): ([Runner], [RunnerID]) = ([], [])
        for runner in runners.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random)) {
            if .random(using: &random) {
                events["left", default: 0] += state.placement.indexByID[runner.id] == nil ? 0 : 1
                leaving.append(runner.id)
                sleepLedger.ended(runner.id)
            } else {
                coming.append(
                    Runner(
                        id: runner.id, slots: Int.random(in: 1...4, using: &random), weight: runner.weight,
                        machineType: runner.machineType, canBeWoken: runner.canBeWoken,
                        hasSleepMethod: runner.hasSleepMethod && Int.random(in: 0..<4, using: &random) > 0,
                        statedModels: runner.statedModels, aliases: runner.aliases))
            }
        }
        state.change(adding: coming, removing: leaving, now: now)
    }

    private mutating func abandon() {
        // Sorted, because the order of a dictionary does not depend on the seed.
        let ids = waiting.keys.sorted { $0.number < $1.number }
        guard let id = ids.randomElement(using: &random), let request = waiting.removeValue(forKey: id) else { return }
        abandoned.insert(id)
        ledger.ends(id)
        state.abandon(id, models: request.models)
    }

    private mutating func answer() throws {
        let lists: [[EngineModelID]?] = [nil, [], ["a"], ["b", "x"], ["a", "b", "c", "d"], ["d", "c"]]
        let runner = anyRunner()
        // A machine that has to be woken takes time to boot, or never does.
        let before = believed(runner)
        let isAway = before.map { [.asleep, .waking, .wakeFailed].contains($0) } ?? false
        if isAway, Int.random(in: 0..<15, using: &random) > 0 { return }
        let mustBeReady = sleepLedger.responded(runner, now: now)
        state.runnerResponded(runner, engineModels: lists.randomElement(using: &random) ?? nil, now: now)
        switch mustBeReady {
        case true? where before != .wakeFailed:
            events["stayed awake", default: 0] += 1
            try expect(believed(runner) == .ready, "a machine that responds after the grace period did not fall asleep")
        case false?:
            events["responded while falling asleep", default: 0] += 1
            try expect(believed(runner) == before, "a machine takes time to fall asleep")
        case true?, nil: break
        }
    }

    private mutating func hearOfAgent() {
        let runner = anyRunner()
        guard !Self.gatewaySleepers.contains(runner) else { return }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: state.agentDisconnected(runner, now: now)
        case 1: state.agentConnected(runner, now: now)
        default:
            let models: [EngineModelID] = ["a", "b", "c", "d", "x"].filter { _ in .random(using: &random) }
            let knowsSizes = Int.random(in: 0..<4, using: &random) > 0
            let report = RunnerReport(
                admitsCalls: Int.random(in: 0..<6, using: &random) > 0, isStarting: .random(using: &random),
                models: models.map {
                    RunnerReport.Model(
                        engineID: $0, isLoaded: .random(using: &random), size: knowsSizes ? .mebibytes(2) : nil)
                },
                slots: Int.random(in: 0...4, using: &random), isSleepable: .random(using: &random),
                memoryLimit: .mebibytes(Int.random(in: 3...9, using: &random)),
                hasGPU: Int.random(in: 0..<9, using: &random) > 0)
            state.agentReported(runner, report, now: now)
        }
    }

    /// An agent or the gateway executes a command or fails, or its response arrives late, or twice.
    private mutating func answerRequest() throws {
        guard let (runner, request, isCheck) = requests.randomElement(using: &random) else { return }
        let failure = Int.random(in: 0..<3, using: &random) == 0 ? "no" : nil
        if isCheck {
            state.checkCompleted(runner, request, failure: failure, now: now)
        } else {
            let before = believed(runner)
            let mustBeReady = sleepLedger.completed(runner, request, succeeded: failure == nil, now: now)
            state.commandCompleted(runner, request, failure: failure, now: now)
            if mustBeReady {
                events["sleep command failed", default: 0] += 1
                try expect(
                    believed(runner) == .ready || before == .wakeFailed, "a failed command leaves the machine awake")
                sleepLedger.ended(runner)
            }
        }
    }

    private mutating func attemptWake() {
        guard let runner = wakes.keys.sorted().randomElement(using: &random), let wake = wakes[runner] else { return }
        state.wakeAttempted(runner, wake.id, failure: .random(using: &random) ? "no route" : nil, now: now)
    }

    private mutating func passTime() {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            // Exactly to the timer.
            if let timer { now = max(now, timer) }
        case 1: now = now.advanced(by: .milliseconds(Int.random(in: 0...2000, using: &random)))
        case 2: now = now.advanced(by: .seconds(Int.random(in: 0...5, using: &random)))
        default:
            // A timer that fires early, or twice.
            state.timePassed(now: now)
            timer = nil
            return
        }
        guard let due = timer, due <= now else { return }
        timer = nil
        state.timePassed(now: now)
    }

    // MARK: Effects

    private mutating func collect() throws {
        for effect in state.takeEffects() {
            switch effect {
            case .grant(let id, let lease):
                events["served after waiting", default: 0] += 1
                let request = try answered(id)
                try hold(lease, for: request)
                try noteGrant(id, request, on: lease.runner)
            case .reject(let id, let error):
                events["rejected \(error.code.rawValue)", default: 0] += 1
                if let placing, error.code == .queueFull { try evict(id, for: placing) }
                _ = try answered(id)
                if case .never = error.retry {
                    try expect(error.code == .modelNotFound, "\(error) states when to retry")
                }
            case .sendPacket(let runner, let wake, let number, _):
                let current = try #require(wakes[runner])
                try expect(current.id == wake && number >= current.packets, "packets belong to the wake, in order")
                wakes[runner]?.packets = number + 1
            case .wakeStarted(let runner, let wake):
                events["wakes", default: 0] += 1
                try expect(wakes[runner] == nil, "one wake per machine")
                try expect(runners.contains { $0.id == runner && $0.canBeWoken }, "only machines that can be woken")
                wakes[runner] = (wake, 0)
            case .wakeEnded(let runner, let wake, _, let succeeded):
                events[succeeded ? "awake" : "not awake", default: 0] += 1
                try expect(wakes.removeValue(forKey: runner)?.id == wake, "a wake ends once")
            case .loadModel(let runner, let model, let request):
                events["loaded", default: 0] += 1
                let index = try #require(state.placement.indexByID[runner])
                let load = try #require(state.records[index].load)
                try expect(load.engineModel == model, "what is loaded was wanted")
                try expect(
                    !leases.contains { $0.index == index && load.blockedModels.contains($0.lease.engineModel) },
                    "nothing that has to make way is under way")
                note((runner, request, false))
            case .unloadModel(let runner, let model, let request):
                events["unloaded", default: 0] += 1
                let index = try #require(state.placement.indexByID[runner])
                try expect(
                    !leases.contains { $0.index == index && $0.lease.engineModel == model },
                    "no call is cut by an unloading")
                note((runner, request, false))
            case .loadFailed: events["load failed", default: 0] += 1
            case .sleepMachine(let runner, let request, let method):
                events[method == .agent ? "put to sleep" : "put to sleep by the gateway", default: 0] += 1
                let index = try #require(state.placement.indexByID[runner])
                try expect(!leases.contains { $0.index == index }, "no machine with a lease is put to sleep")
                try expect(state.records[index].runner.canBeWoken, "a machine that is put to sleep can be woken")
                try expect(!state.placement[index].outliers.isOnTrial, "a trial is not interrupted by a sleep")
                try expect(
                    (method == .gateway) == state.records[index].runner.hasSleepMethod,
                    "the settings decide who puts the machine to sleep")
                if method == .gateway { sleepLedger.commanded(runner, request, now: now) }
                note((runner, request, false))
            case .sleepFailed: events["sleep refused", default: 0] += 1
            case .checkRunner(let runner, _, let request):
                events["checked", default: 0] += 1
                note((runner, request, true))
            case .checkFailed: events["check failed", default: 0] += 1
            case .ejected(let runner, for: let time):
                events["ejected", default: 0] += 1
                try expect(
                    state.placement.indexByID[runner] != nil && time >= .seconds(8), "a runner that is here rests")
            case .readmitted: events["readmitted", default: 0] += 1
            case .stateChanged(let runner, let from, let to, _):
                try expect(from != to, "a change is one")
                guard ![.asleep, .waking, .wakeFailed, .lost].contains(to) else { continue }
                try expect(
                    ![.ready, .loading].contains(to) || sleepLedger.permitsReady(runner),
                    "a machine that was put to sleep does not return by itself")
                sleepLedger.ended(runner)
            case .startTimer(let instant): timer = instant
            }
        }
    }

    private mutating func noteGrant(_ id: WaiterID, _ request: PlacementRequest, on runner: RunnerID) throws {
        let index = try #require(state.placement.indexByID[runner])
        let broken = ledger.served(id, request, on: runner, waiting: waiting) { waiter in
            // Slots of ejected runners are not for every call, and an event may change which runner has a model meanwhile.
            !state.placement.ejected.contains(index) && waiter.allows(runner)
                && waiter.models.contains { model in
                    [atHandBefore, state.placement.serving].allSatisfy { $0[model]?.contains(index) ?? false }
                }
        }
        if let broken { try expect(false, broken) }
    }

    private mutating func evict(_ id: WaiterID, for request: PlacementRequest) throws {
        events["evicted", default: 0] += 1
        let leaver = try #require(waiting[id])
        try expect(leaver.models == request.models, "the evicted call was in the same queue")
        let lengths = Dictionary(grouping: waiting.values.filter { $0.models == request.models }, by: \.caller)
            .mapValues(\.count)
        try expect(
            lengths[leaver.caller] == lengths.values.max()
                && lengths[leaver.caller, default: 0] > lengths[request.caller, default: 0],
            "a call of the caller with the most waiting calls is evicted")
        try expect(
            !waiting.contains {
                $0.value.models == request.models && $0.value.caller == leaver.caller && $0.key.number > id.number
            },
            "with the newest of its calls")
    }

    private mutating func note(_ request: (runner: RunnerID, request: CommandID, isCheck: Bool)) {
        requests.append(request)
        if requests.count > 8 { requests.removeFirst() }
    }

    private mutating func answered(_ id: WaiterID) throws -> PlacementRequest {
        try expect(!abandoned.contains(id), "an abandoned call gets nothing")
        ledger.ends(id)
        guard let request = waiting.removeValue(forKey: id) else {
            Issue.record("one answer, to a waiting call")
            throw Disappointment()
        }
        return request
    }

    /// Ends all calls: no lease is lost, and no call waits forever.
    private mutating func end() throws {
        for _ in 0..<1000 where !leases.isEmpty || !waiting.isEmpty || !wakes.isEmpty {
            while let held = leases.popLast() {
                state.release(held.lease.id, now: now)
                try collect()
            }
            if let timer { now = max(now, timer) }
            timer = nil
            state.timePassed(now: now)
            try collect()
            try check()
        }
        try expect(leases.isEmpty && waiting.isEmpty && wakes.isEmpty, "everything ends")
        try expect(state.leases.count == 0, "every lease came back")
    }
}
