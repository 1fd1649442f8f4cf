import SimpleAICore
import Testing

@testable import Scheduling

/// A scheduler's state with its own clock and a timer that fires when requested.
struct Bench {
    private(set) var state: SchedulerState
    let start: ContinuousClock.Instant
    private(set) var now: ContinuousClock.Instant
    private(set) var timer: ContinuousClock.Instant?
    /// All effects, in order.
    private(set) var effects: [SchedulerEffect] = []

    static let schedule: [Duration] = [0, 1, 3, 7, 15].map { .seconds($0) }

    /// The schedule of wake.md: 0, 1, 3, 7, 15, then every 15 s.
    static func offset(_ number: Int) -> Duration {
        number < schedule.count ? schedule[number] : .seconds(15) * (number - schedule.count + 2)
    }

    init(_ runners: Runner..., configure: (inout SchedulerState.Configuration) -> Void = { _ in }) {
        self.init(runners, configure: configure)
    }

    init(_ runners: [Runner], configure: (inout SchedulerState.Configuration) -> Void = { _ in }) {
        var configuration = SchedulerState.Configuration()
        configuration.packetOffset = Self.offset
        configure(&configuration)
        state = SchedulerState(configuration)
        start = .now
        now = start
        for runner in runners { state.add(runner) }
    }

    /// A bench whose runners are all ready.
    static func ready(
        _ runners: Runner..., configure: (inout SchedulerState.Configuration) -> Void = { _ in }
    ) -> Bench {
        var bench = Bench(runners, configure: configure)
        for runner in runners { bench.answered(runner.id) }
        bench.forgetEffects()
        return bench
    }

    // MARK: Events

    mutating func place(
        _ models: [ModelID], exact: Bool = false, prefer: [MachineType] = [], mayWake: Bool = true,
        excluding: Set<RunnerID> = [], only: RunnerID? = nil, policy: PlacementPolicy = .leastBusy,
        conversation: String? = nil, together: [ExactString] = [], caller: String = "", priority: Int = 0,
        loadingSince: ContinuousClock.Instant? = nil
    ) -> Placement {
        var request = PlacementRequest(
            models: models, isExact: exact, preferredMachineTypes: prefer, policy: policy,
            affinity: conversation.map { PrefixFingerprint($0.utf8) }, mayWake: mayWake,
            speculativeWakes: together, excluded: excluding, only: only,
            caller: CallerID(subject: SubjectID(caller), issuer: ""), priority: Priority(level: priority))
        request.loadingSince = loadingSince
        let placement = state.place(request, now: now)
        collect()
        return placement
    }

    mutating func lease(
        _ models: [ModelID], prefer: [MachineType] = [], policy: PlacementPolicy = .leastBusy,
        conversation: String? = nil
    ) throws -> Lease {
        let placement = place(models, prefer: prefer, policy: policy, conversation: conversation)
        guard case .granted(let lease) = placement else {
            Issue.record("no lease: \(placement)")
            throw Disappointment()
        }
        return lease
    }

    mutating func waiter(
        _ models: [ModelID], exact: Bool = false, prefer: [MachineType] = [], mayWake: Bool = true,
        excluding: Set<RunnerID> = [], only: RunnerID? = nil, forMachine: Bool? = nil, together: [ExactString] = [],
        caller: String = "", priority: Int = 0, loadingSince: ContinuousClock.Instant? = nil
    ) throws -> WaiterID {
        let placement = place(
            models, exact: exact, prefer: prefer, mayWake: mayWake, excluding: excluding, only: only,
            together: together, caller: caller, priority: priority, loadingSince: loadingSince)
        guard case .waiting(let id, let machineIsWaking) = placement else {
            Issue.record("does not wait: \(placement)")
            throw Disappointment()
        }
        if let forMachine { #expect(machineIsWaking == forMachine) }
        return id
    }

    mutating func refusal(
        _ models: [ModelID], exact: Bool = false, mayWake: Bool = true, excluding: Set<RunnerID> = []
    ) throws -> GatewayError {
        let placement = place(models, exact: exact, mayWake: mayWake, excluding: excluding)
        guard case .refused(let error) = placement else {
            Issue.record("not refused: \(placement)")
            throw Disappointment()
        }
        return error
    }

    mutating func prepare(_ models: [ModelID], mayWake: Bool = true) {
        let request = PlacementRequest(
            models: models, mayWake: mayWake, caller: CallerID(subject: SubjectID(""), issuer: ""))
        state.prepare(for: request, now: now)
        collect()
    }

    mutating func release(_ lease: Lease, _ outcome: LeaseOutcome = .undecided) {
        state.release(lease.id, outcome: outcome, now: now)
        collect()
    }

    mutating func put(_ runner: Runner) {
        state.put(runner, now: now)
        collect()
    }

    mutating func remove(_ runner: RunnerID) {
        state.remove(runner, now: now)
        collect()
    }

    mutating func change(adding new: [Runner], removing old: [RunnerID]) {
        state.change(adding: new, removing: old, now: now)
        collect()
    }

    mutating func abandon(_ waiter: WaiterID, _ models: [ModelID]) {
        state.abandon(waiter, models: models)
        collect()
    }

    mutating func answered(_ runner: RunnerID, _ models: [EngineModelID]? = nil) {
        state.runnerResponded(runner, engineModels: models, now: now)
        collect()
    }

    /// Any event without its own method here.
    mutating func observe(_ body: (inout SchedulerState, ContinuousClock.Instant) -> Void) {
        body(&state, now)
        collect()
    }

    mutating func unreachable(_ runner: RunnerID, times: Int = 1, lastContactAt: ContinuousClock.Instant? = nil) {
        for _ in 0..<times { state.runnerUnreachable(runner, lastContactAt: lastContactAt, now: now) }
        collect()
    }

    mutating func refused(_ runner: RunnerID) {
        state.runnerRefusedConnection(runner, now: now)
        collect()
    }

    mutating func foreignResponse(_ runner: RunnerID) {
        state.foreignServerResponded(runner, now: now)
        collect()
    }

    mutating func silent(_ runner: RunnerID) {
        state.runnerSilent(runner, now: now)
        collect()
    }

    mutating func loads(_ runner: RunnerID) {
        state.runnerIsLoading(runner, now: now)
        collect()
    }

    mutating func couldNotConnect(_ runner: RunnerID) {
        state.callCouldNotConnect(runner, now: now)
        collect()
    }

    /// An agent registers and reports that these are loaded.
    mutating func joined(_ runner: Runner, _ models: [EngineModelID], slots: Int = 1) {
        put(runner)
        connected(runner.id)
        reported(runner.id, RunnerReport(models: models.map { .init(engineID: $0) }, slots: slots))
    }

    mutating func connected(_ runner: RunnerID) {
        state.agentConnected(runner, now: now)
        collect()
    }

    mutating func reported(_ runner: RunnerID, _ report: RunnerReport) {
        state.agentReported(runner, report, now: now)
        collect()
    }

    mutating func attempted(_ runner: RunnerID, failure: String? = nil) {
        guard let wake = state.records.first(where: { $0.runner.id == runner })?.wake else { return }
        state.wakeAttempted(runner, wake.id, failure: failure, now: now)
        collect()
    }

    /// An attempt of some earlier wake.
    mutating func stale(_ runner: RunnerID, failure: String) {
        state.wakeAttempted(runner, "earlier", failure: failure, now: now)
        collect()
    }

    mutating func answeredCommand(_ runner: RunnerID, _ request: CommandID, failure: String? = nil) {
        state.commandCompleted(runner, request, failure: failure, now: now)
        collect()
    }

    /// An agent responds to its last command, with success or a failure.
    mutating func completeCommand(failure: String? = nil) {
        let asked = effects.last { effect in
            switch effect {
            case .loadModel, .unloadModel, .sleepMachine: true
            default: false
            }
        }
        switch asked {
        case .loadModel(let runner, _, let request), .unloadModel(let runner, _, let request),
            .sleepMachine(let runner, let request, _):
            answeredCommand(runner, request, failure: failure)
        default: Issue.record("no command was sent")
        }
    }

    mutating func wakeMachine(_ runner: RunnerID) -> WakeCommandResult {
        defer { collect() }
        return state.wakeMachine(runner, now: now)
    }

    mutating func sleepMachine(_ runner: RunnerID) -> SleepCommandResult {
        defer { collect() }
        return state.sleepMachine(runner, now: now)
    }

    mutating func checked(_ runner: RunnerID, _ request: CommandID, failure: String? = nil) {
        state.checkCompleted(runner, request, failure: failure, now: now)
        collect()
    }

    mutating func disconnected(_ runner: RunnerID) {
        state.agentDisconnected(runner, now: now)
        collect()
    }

    /// Lets time pass; the timer fires whenever it is due.
    mutating func pass(_ duration: Duration) {
        let end = now.advanced(by: duration)
        while let due = timer, due <= end {
            now = max(now, due)
            fire()
        }
        now = end
    }

    /// The timer fires now, late or early.
    mutating func fire() {
        timer = nil
        state.timePassed(now: now)
        collect()
    }

    /// Lets time pass without firing the timer.
    mutating func passWithoutTimer(_ duration: Duration) {
        now = now.advanced(by: duration)
    }

    mutating func forgetEffects() { effects = [] }

    private mutating func collect() {
        for effect in state.takeEffects() {
            if case .startTimer(let instant) = effect { timer = instant }
            effects.append(effect)
        }
    }

    // MARK: Results

    func grants() -> [(waiter: WaiterID, lease: Lease)] {
        effects.compactMap { if case .grant(let waiter, let lease) = $0 { (waiter, lease) } else { nil } }
    }

    func lease(of waiter: WaiterID) -> Lease? { grants().first { $0.waiter == waiter }?.lease }

    func rejection(of waiter: WaiterID) -> GatewayError? {
        for case .reject(waiter, let error) in effects { return error }
        return nil
    }

    func hasOutcome(_ waiter: WaiterID) -> Bool { lease(of: waiter) != nil || rejection(of: waiter) != nil }

    func wakes() -> [RunnerID] {
        effects.compactMap { if case .wakeStarted(let runner, _) = $0 { runner } else { nil } }
    }

    /// The commands to load and unload that agents were sent.
    func commands() -> [String] {
        effects.compactMap { effect in
            switch effect {
            case .loadModel(_, let model, _): "load \(model)"
            case .unloadModel(_, let model, _): "unload \(model)"
            default: nil
            }
        }
    }

    func loaders() -> [RunnerID] {
        effects.compactMap { if case .loadModel(let runner, _, _) = $0 { runner } else { nil } }
    }

    func sleeps() -> [(runner: RunnerID, request: CommandID)] {
        effects.compactMap { if case .sleepMachine(let runner, let request, _) = $0 { (runner, request) } else { nil } }
    }

    func checks() -> [(model: EngineModelID, request: CommandID)] {
        effects.compactMap { if case .checkRunner(_, let model, let request) = $0 { (model, request) } else { nil } }
    }

    func packets() -> [Int] {
        effects.compactMap { if case .sendPacket(_, _, let number, _) = $0 { number } else { nil } }
    }

    func status(_ runner: RunnerID) -> SchedulerSnapshot.RunnerStatus? {
        state.snapshot(now: now).runners.first { $0.runner.id == runner }
    }

    func state(_ runner: RunnerID) -> RunnerState? { status(runner)?.state }
    func active(_ runner: RunnerID) -> Int? { status(runner)?.active }
    var waiting: Int { state.snapshot(now: now).waiting }
}

extension RunnerReport {
    /// A runner with these models loaded.
    static func having(_ models: EngineModelID..., slots: Int = 1) -> RunnerReport {
        RunnerReport(models: models.map { Model(engineID: $0) }, slots: slots)
    }
}

/// Ends a test that cannot continue; the issue has been recorded.
struct Disappointment: Error {}

extension Runner {
    static func serving(
        _ id: RunnerID, _ models: ModelID..., slots: Int = 1, weight: Int = 1, type: MachineType = "",
        wakes: Bool = false
    ) -> Runner {
        Runner(
            id: id, slots: slots, weight: weight, machineType: type, canBeWoken: wakes, statedModels: models)
    }
}
