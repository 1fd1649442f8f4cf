import SimpleAICore

/// Weighs the evidence for one runner: whether its machine is there, and its engine able. Nothing else decides that.
///
/// No single probe decides against a machine that gives other signs of life:
///
/// | evidence | means |
/// |---|---|
/// | a response of the engine, a heartbeat | there and able |
/// | connection accepted, no response, calls in progress | there, busy: never asleep, never lost |
/// | connection accepted, no response, no calls, several times in a row | the host is there, its engine is not able |
/// | connection refused | the host is there, its engine is not able |
/// | something else responds: a front end's 502, a page, a connection closed at once | the engine is not able |
/// | the engine states that it is not ready yet | loading |
/// | no SYN-ACK, several times in a row, and no sign on any of its calls meanwhile | gone |
///
/// Being woken, put to sleep and checked are commands of the scheduler; their results come in here as evidence.
struct Liveness: Hashable, Sendable {
    enum Evidence: Hashable, Sendable {
        /// The engine responded to a probe, or its agent reported that it takes calls.
        case responded
        /// The engine served a call to its end.
        case served
        /// The engine states that it is not ready yet.
        case loading(Observer)
        /// The connection was accepted; no response came in time.
        case silent
        /// The connection was refused, or the agent reported that its engines do not serve.
        case refused
        /// What responded is not the engine.
        case replaced
        /// The connection could not be established.
        /// - Parameter lastSignAt: when the machine last acknowledged or sent a byte on any of its calls.
        case unreachable(lastSignAt: ContinuousClock.Instant?)
        /// A call could not establish a connection: the next probe decides.
        case callUnreachable
        /// A call was answered by something else than the engine: the next probe decides.
        case callReplaced
        /// The agent's connection is closed, or silent for too long.
        case disconnected
        /// The agent did not come back in time.
        case graceExpired
        case checkStarted
        case checkFailed
    }

    /// Where a loading engine was observed. An engine may list its models long before it can serve them, so what a call
    /// observed only a call can end.
    enum Observer: Hashable, Sendable { case probe, call }

    struct Circumstances {
        let state: RunnerState
        /// Calls in progress on the runner.
        let callCount: Int
        /// A call could try the loading engine and none does, or one has been in progress for longer than a refusal takes.
        var hasTrialPassed = false
        let canBeWoken: Bool
        /// Probes in a row that must fail alike before they count.
        let maxMisses: Int
        /// After this an engine that still loads is not able.
        let loadTimeout: Duration
        let now: ContinuousClock.Instant
    }

    private enum Miss: Hashable, Sendable { case unreachable, silent, replaced }

    /// The latest probes in a row that failed alike.
    private struct Misses: Hashable, Sendable {
        let kind: Miss
        var count: Int
        let since: ContinuousClock.Instant
    }

    private struct Loading: Hashable, Sendable {
        var observer: Observer
        let since: ContinuousClock.Instant
    }

    private var misses: Misses?
    private var loading: Loading?
    /// Until it responds, or something else is heard of it.
    private var hasLoadedTooLong = false
    /// When it was declared gone.
    private var goneAt: ContinuousClock.Instant?

    /// - Returns: the state that follows; the same where the evidence changes nothing.
    mutating func weigh(_ evidence: Evidence, _ circumstances: Circumstances) -> RunnerState {
        let new = verdict(evidence, circumstances)
        if new != .loading { loading = nil }
        let isGone = new == .asleep || new == .lost
        if isGone { hasLoadedTooLong = false }
        goneAt = isGone ? goneAt ?? circumstances.now : nil
        return new
    }

    private mutating func verdict(_ evidence: Evidence, _ now: Circumstances) -> RunnerState {
        let state = now.state
        switch evidence {
        case .responded:
            misses = nil
            hasLoadedTooLong = false
            // The list of an engine that refused calls proves nothing, unless nobody is left to try.
            let isWaitedFor = state == .loading && loading?.observer == .call && !now.hasTrialPassed
            return isWaitedFor && !loadsTooLong(now) ? .loading : .ready
        case .served: return state == .loading ? .ready : state
        case .loading(let observer): return loads(observer, now)
        case .silent: return silent(now)
        case .refused:
            misses = nil
            hasLoadedTooLong = false
            return state == .waking ? state : .down
        case .replaced: return replaced(now)
        case .unreachable(let lastSignAt): return unreachable(lastSignAt: lastSignAt, now)
        case .callUnreachable:
            guard state == .ready else { return state }
            misses = Misses(kind: .unreachable, count: 1, since: now.now)
            return .unknown
        case .callReplaced: return state == .ready ? .unknown : state
        case .disconnected: return Self.isAwake(state) ? .unknown : state
        case .graceExpired: return state == .unknown ? Self.gone(now) : state
        case .checkStarted: return .checking
        case .checkFailed: return .down
        }
    }

    private mutating func loads(_ observer: Observer, _ now: Circumstances) -> RunnerState {
        misses = nil
        // While its machine boots, that is normal.
        guard now.state != .waking else { return .waking }
        guard !hasLoadedTooLong else { return .down }
        guard now.state == .loading, let loading else {
            self.loading = Loading(observer: observer, since: now.now)
            return .loading
        }
        self.loading = Loading(observer: observer == .call ? .call : loading.observer, since: loading.since)
        hasLoadedTooLong = loadsTooLong(now)
        return hasLoadedTooLong ? .down : .loading
    }

    private func loadsTooLong(_ now: Circumstances) -> Bool {
        loading.map { $0.since.duration(to: now.now) >= now.loadTimeout } ?? false
    }

    private mutating func silent(_ now: Circumstances) -> RunnerState {
        switch now.state {
        case .ready, .unknown:
            guard now.callCount == 0 else {
                misses = nil
                return .ready
            }
            return countMiss(.silent, now) ? .down : now.state
        case .checking, .down: return now.state
        case .loading:
            // It computes for the call that tries it.
            if now.hasTrialPassed, now.callCount > 0 { return .ready }
            return loadsTooLong(now) ? .down : .loading
        // Something accepts connections in its place, or it is on its way up.
        case .asleep, .waking, .wakeFailed: return now.state
        case .lost: return .down
        }
    }

    private mutating func replaced(_ now: Circumstances) -> RunnerState {
        guard now.state != .waking else { return .waking }
        // Calls in progress say more than one response of something in between.
        let isDecided = now.callCount == 0 || countMiss(.replaced, now)
        return isDecided ? .down : now.state
    }

    private mutating func unreachable(
        lastSignAt: ContinuousClock.Instant?, _ now: Circumstances
    ) -> RunnerState {
        switch now.state {
        case .ready, .unknown, .down, .checking, .loading:
            if let lastSignAt, let misses, lastSignAt > misses.since { self.misses = nil }
            return countMiss(.unreachable, now) ? Self.gone(now) : now.state
        case .asleep, .lost:
            // Bytes that came after it was declared gone: it is there, and the next probes decide what it can do.
            guard let goneAt, let lastSignAt, lastSignAt > goneAt else { return now.state }
            misses = nil
            return .unknown
        case .waking, .wakeFailed: return now.state
        }
    }

    /// - Returns: whether there have been as many as it takes.
    private mutating func countMiss(_ kind: Miss, _ now: Circumstances) -> Bool {
        var misses = misses.flatMap { $0.kind == kind ? $0 : nil } ?? Misses(kind: kind, count: 0, since: now.now)
        misses.count += 1
        self.misses = misses
        return misses.count >= now.maxMisses
    }

    private static func gone(_ now: Circumstances) -> RunnerState { now.canBeWoken ? .asleep : .lost }

    private static func isAwake(_ state: RunnerState) -> Bool {
        switch state {
        case .ready, .unknown, .down, .checking, .loading: true
        case .asleep, .waking, .wakeFailed, .lost: false
        }
    }
}
