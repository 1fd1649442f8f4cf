import SimpleAICore
import Testing

@testable import Scheduling

/// A random history of one machine, compared with the state that the scheduler assigns to it, with probes, calls and
/// packets as a network delivers them. Time advances in quarters of a second.
struct MachineHistory {
    /// What responds at the machine's address while the machine itself does not.
    enum Front: CaseIterable { case nothing, frontEnd, closedConnections }

    enum Power: Hashable {
        case on
        case off
        case booting(until: ContinuousClock.Instant)
    }

    enum Engine: Hashable {
        case able
        case down(until: ContinuousClock.Instant)
        case loading(until: ContinuousClock.Instant)
    }

    private struct Call {
        let lease: Lease
        let endsAt: ContinuousClock.Instant
        let progress: Progress
    }

    /// What a call keeps when it is placed again.
    private struct Progress {
        let number: Int
        var moves = 0
        var loadingSince: ContinuousClock.Instant?
    }

    private enum ProbeResult { case listed, loading, silent, refused, foreignResponse, unreachable }

    static let interval: Duration = .seconds(2)
    static let urgentInterval: Duration = .milliseconds(500)
    static let timeout: Duration = .seconds(1)
    static let step: Duration = .milliseconds(250)
    /// The time after which a disconnected machine serves nothing, and its leases have ended.
    static let bound = (interval + timeout) * 3 + interval

    private var random: SeededGenerator
    private let configuration: SchedulerState.Configuration
    private let canBeWoken: Bool
    /// It serves one call at a time, and responds to nothing else meanwhile.
    private let isSingleThreaded: Bool
    /// Its backlog is so short that it accepts no connection while it computes.
    private let hasShortBacklog: Bool
    /// It lists its models long before it can serve them.
    private let listsWhileLoading: Bool

    private var state: SchedulerState
    private var now: ContinuousClock.Instant
    private var timer: ContinuousClock.Instant?

    // The actual state.
    private var power = Power.on
    private var powerSince: ContinuousClock.Instant
    private var engine = Engine.able
    private var engineSince: ContinuousClock.Instant
    private var front = Front.nothing
    /// It has another address: no packet returns it to this one.
    private var hasMoved = false
    private var nextEvent: ContinuousClock.Instant

    // What is in progress.
    private var calls: [Call] = []
    private var waiting: [WaiterID: Progress] = [:]
    private var queued: [Progress] = []
    private var callCount = 0
    private var probe: (result: ProbeResult, at: ContinuousClock.Instant)?
    private var nextProbe: ContinuousClock.Instant
    private var lastSign: ContinuousClock.Instant?
    private var failedWakesInARow = 0
    private var lastWakeEnd: ContinuousClock.Instant?
    private(set) var tally: [String: Int] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var configuration = SchedulerState.Configuration()
        configuration.queueTimeout = .seconds(15)
        configuration.wakeTimeout = .seconds(20)
        configuration.wakeBackoff = .seconds(10)
        configuration.packetOffset = Bench.offset
        configuration.loadTimeout = .seconds(60)
        self.configuration = configuration
        canBeWoken = Int.random(in: 0..<4, using: &random) > 0
        isSingleThreaded = .random(using: &random)
        hasShortBacklog = .random(using: &random)
        listsWhileLoading = .random(using: &random)
        let start = ContinuousClock.now
        now = start
        (powerSince, engineSince, nextProbe) = (start, start, start)
        nextEvent = start.advanced(by: .seconds(5))
        state = SchedulerState(configuration)
        state.add(.serving("a", "m", slots: isSingleThreaded ? 1 : 3, wakes: canBeWoken))
    }

    mutating func run(for duration: Duration) throws {
        let end = now.advanced(by: duration)
        while now < end {
            now = now.advanced(by: Self.step)
            changeTruth()
            try progressCalls()
            progressProbe()
            try collect()
            if let due = timer, due <= now {
                timer = nil
                state.timePassed(now: now)
                try collect()
            }
            if Int.random(in: 0..<10, using: &random) == 0 {
                callCount += 1
                queued.append(Progress(number: callCount))
            }
            try placeQueued()
            try check()
        }
    }

    // MARK: The actual state

    private var isBusy: Bool { isSingleThreaded && !calls.isEmpty }
    private var isOn: Bool { power == .on }
    private var isServing: Bool { isOn && engine == .able }

    private mutating func changeTruth() {
        if case .booting(let until) = power, until <= now { bootEnded() }
        switch engine {
        case .loading(let until) where until <= now && isOn: setEngine(.able)
        case .down(let until) where until <= now && isOn:
            setEngine(.loading(until: now.advanced(by: .milliseconds(Int.random(in: 0...9000, using: &random)))))
        case .able, .loading, .down: break
        }
        guard nextEvent <= now else { return }
        nextEvent = now.advanced(by: .seconds(Int.random(in: 3...45, using: &random)))
        switch (power, Int.random(in: 0..<6, using: &random)) {
        case (.on, 0...2):
            note("gone")
            hasMoved = Int.random(in: 0..<5, using: &random) == 0
            front = Front.allCases.randomElement(using: &random) ?? .nothing
            lastSign = calls.isEmpty ? lastSign : now
            setPower(.off)
        case (.on, 3...4):
            note("engine crashed")
            setEngine(.down(until: now.advanced(by: .seconds(Int.random(in: 1...60, using: &random)))))
        case (.off, 0...2):
            note("came back by itself")
            bootEnded()
        default: break
        }
    }

    private mutating func bootEnded() {
        hasMoved = false
        setPower(.on)
        // Resumed, or booted: after a boot the memory is empty, and the engine has to load.
        guard Bool.random(using: &random) else { return }
        setEngine(.loading(until: now.advanced(by: .milliseconds(Int.random(in: 0...12_000, using: &random)))))
    }

    private mutating func setPower(_ new: Power) { (power, powerSince) = (new, now) }
    private mutating func setEngine(_ new: Engine) { (engine, engineSince) = (new, now) }

    private mutating func packetArrived() {
        guard power == .off, !hasMoved, Int.random(in: 0..<4, using: &random) > 0 else { return }
        setPower(.booting(until: now.advanced(by: .milliseconds(Int.random(in: 500...25_000, using: &random)))))
    }

    // MARK: Probes

    private var probeNow: ProbeResult {
        guard isOn else { return front == .nothing ? .unreachable : .foreignResponse }
        switch engine {
        case .down: return .refused
        case .loading where !listsWhileLoading: return .loading
        case .loading, .able: return isBusy ? (hasShortBacklog ? .unreachable : .silent) : .listed
        }
    }

    private mutating func progressProbe() {
        if isOn, !calls.isEmpty { lastSign = now }
        if let current = probe, current.at <= now {
            probe = nil
            switch current.result {
            case .listed: state.runnerResponded("a", engineModels: ["m"], now: now)
            case .loading: state.runnerIsLoading("a", now: now)
            case .silent: state.runnerSilent("a", now: now)
            case .refused: state.runnerRefusedConnection("a", now: now)
            case .foreignResponse: state.foreignServerResponded("a", now: now)
            case .unreachable: state.runnerUnreachable("a", lastContactAt: lastSign, now: now)
            }
            let isUrgent = [.unknown, .waking, .loading].contains(believed)
            nextProbe = now.advanced(by: isUrgent ? Self.urgentInterval : Self.interval)
        }
        guard probe == nil, nextProbe <= now else { return }
        let result = probeNow
        let takesLong = result == .silent || result == .unreachable
        probe = (result, takesLong ? now.advanced(by: Self.timeout) : now.advanced(by: Self.step))
    }

    private var believed: RunnerState { state.placement[0].state }

    // MARK: Calls

    private mutating func placeQueued() throws {
        let now = now
        for progress in queued.prefix(3) {
            queued.removeFirst()
            var request = PlacementRequest(models: ["m"])
            request.loadingSince = progress.loadingSince
            switch state.place(request, now: now) {
            case .granted(let lease): try start(lease, progress)
            case .waiting(let id, _): waiting[id] = progress
            case .refused(let error): note("refused \(error.code.rawValue)")
            }
            try collect()
        }
    }

    private mutating func start(_ lease: Lease, _ progress: Progress) throws {
        let goneFor = powerSince.duration(to: now)
        try expect(isOn || goneFor <= Self.bound, "no call goes to a machine that has been gone for \(goneFor)")
        let time = Int.random(in: 200...12_000, using: &random)
        calls.append(Call(lease: lease, endsAt: now.advanced(by: .milliseconds(time)), progress: progress))
    }

    private mutating func progressCalls() throws {
        for call in calls {
            guard let end = outcome(of: call) else { continue }
            calls.removeAll { $0.lease.id == call.lease.id }
            state.release(call.lease.id, outcome: end, now: now)
            if end == .served {
                note("served")
            } else {
                again(call.progress, end)
            }
            try collect()
        }
    }

    /// Nil while the call has no outcome.
    private mutating func outcome(of call: Call) -> LeaseOutcome? {
        guard isOn else {
            guard front != .nothing else { return nil }
            // The machine's own connections are dead; a later call reaches the front end.
            return .foreignResponse
        }
        switch engine {
        case .able: return call.endsAt <= now ? .served : nil
        case .loading: return .loading
        case .down:
            state.runnerRefusedConnection("a", now: now)
            return .undecided
        }
    }

    private mutating func again(_ progress: Progress, _ outcome: LeaseOutcome) {
        var progress = progress
        if outcome == .loading {
            progress.loadingSince = progress.loadingSince ?? now
        } else {
            progress.moves += 1
        }
        guard progress.moves <= 2 else { return note("failed after two moves") }
        queued.append(progress)
    }

    // MARK: Decisions of the scheduler

    private mutating func collect() throws {
        for effect in state.takeEffects() {
            switch effect {
            case .grant(let id, let lease):
                let progress = waiting.removeValue(forKey: id)
                try start(lease, try #require(progress))
            case .reject(let id, let error):
                note("rejected \(error.code.rawValue)")
                waiting[id] = nil
            case .sendPacket: packetArrived()
            case .wakeStarted: try wakeStarted()
            case .wakeEnded(_, _, _, let succeeded):
                note(succeeded ? "awake" : "not awake")
                lastWakeEnd = now
                failedWakesInARow = succeeded ? 0 : failedWakesInARow + 1
            case .stateChanged(_, _, let new, _): try stateChanged(to: new)
            case .startTimer(let instant): timer = instant
            default: break
            }
        }
    }

    private mutating func wakeStarted() throws {
        note("wakes")
        try expect(canBeWoken, "only what can be woken is woken")
        try expect(!waiting.isEmpty || !queued.isEmpty || callCount > 0, "no machine is woken without a call for it")
        let isAble = isServing && min(powerSince.duration(to: now), engineSince.duration(to: now)) > Self.bound
        try expect(!isAble, "a machine that serves is not woken")
        guard let lastWakeEnd, failedWakesInARow > 0 else { return }
        let pause = lastWakeEnd.duration(to: now)
        try expect(pause >= configuration.wakeBackoff, "a wake that failed is backed off, not after \(pause)")
    }

    private mutating func stateChanged(to new: RunnerState) throws {
        note(new.rawValue)
        if new == .ready { (failedWakesInARow, lastWakeEnd) = (0, nil) }
        if [.unknown, .waking, .loading].contains(new) { nextProbe = now }
        guard new == .asleep || new == .lost else { return }
        try expect(
            !isOn || powerSince.duration(to: now) < Self.bound,
            "a machine that is there is not declared gone")
        // Its calls without a byte of a response are placed elsewhere.
        let held = calls
        calls = []
        for call in held {
            state.release(call.lease.id, outcome: .undecided, now: now)
            again(call.progress, .undecided)
        }
    }

    // MARK: Invariants

    private mutating func check() throws {
        let believed = believed
        let age = powerSince.duration(to: now)
        if isOn, age > Self.bound {
            try expect(![.asleep, .lost].contains(believed), "never \(believed) while it is there")
            if isServing, engineSince.duration(to: now) > Self.bound {
                // While it computes it responds to no probe: only its call shows that it is up, and may be its first.
                let isKnownToServe = believed == .ready || (isBusy && [.unknown, .loading].contains(believed))
                try expect(isKnownToServe, "\(believed), though it has served for long")
            }
        }
        if !isOn, age > Self.bound, power == .off {
            try expect(believed != .ready, "ready, though it has been gone for \(age)")
            try expect(front != .nothing || calls.isEmpty, "a gone machine holds calls for \(age)")
        }
        try expect(state.leases.count == calls.count, "leases are calls")
        try expect(believed != .loading || !canTakeTwo, "one call at a time tries an engine that loads")
    }

    private var canTakeTwo: Bool { calls.count > 1 && state.placement[0].canTakeCall }

    private mutating func note(_ event: String) { tally[event, default: 0] += 1 }

    private func expect(_ holds: Bool, _ rule: String) throws {
        guard !holds else { return }
        Issue.record("\(rule): power \(power), engine \(engine), front \(front), believed \(believed)")
        throw Disappointment()
    }
}
