import SimpleAICore

/// Evaluates the evidence about one runner: whether its machine is up, and its engine works. The only place that
/// decides this.
///
/// No single probe outweighs other evidence that a machine is up:
///
/// | evidence | means |
/// |---|---|
/// | a response of the engine, a heartbeat | up and working |
/// | connection accepted, no response, calls in progress | up, busy: never asleep, never lost |
/// | connection accepted, no response, no calls, several times in a row | the host is up, its engine does not work |
/// | connection refused | the host is up, its engine does not work |
/// | another server responds: a front end's 502, a page, a connection closed at once | the engine does not work |
/// | the engine states that it is not ready yet | loading |
/// | no SYN-ACK, several times in a row, and no sign on any of its calls meanwhile | unreachable |
///
/// Waking, sleeping and checking are commands of the scheduler; their results are evidence here.
struct Liveness: Hashable, Sendable {
    enum Evidence: Hashable, Sendable {
        /// The engine responded to a probe, or its agent reported that it takes calls.
        case responded
        /// The engine served a call completely.
        case served
        /// The engine states that it is not ready yet.
        case loading(Observer)
        /// The connection was accepted; no response came in time.
        case silent
        /// The connection was refused, or the agent reported that its engines do not serve.
        case refused
        /// Another server responded in the engine's place.
        case replaced
        /// The connection could not be established.
        /// - Parameter lastSignAt: when the machine last acknowledged or sent a byte on any of its calls.
        case unreachable(lastSignAt: ContinuousClock.Instant?)
        /// A call could not establish a connection: the next probe decides.
        case callUnreachable
        /// Another server responded to a call in the engine's place: the next probe decides.
        case callReplaced
        /// The agent's connection is closed, or silent for too long.
        case disconnected
        /// The agent did not reconnect in time.
        case graceExpired
        case checkStarted
        case checkFailed
    }

    /// The observer of a loading engine. An engine may list its models long before it can serve them, so only a call
    /// can end what a call observed.
    enum Observer: Hashable, Sendable { case probe, call }

    struct Context {
        let state: RunnerState
        /// Number of calls in progress on the runner.
        let callCount: Int
        /// Whether the runner is on trial without a trial call in progress, or with one that has been in progress
        /// longer than an engine takes to refuse a call.
        var hasTrialPassed = false
        let canBeWoken: Bool
        /// Number of equal failures of probes in a row before they count.
        let maxMisses: Int
        /// Time after which an engine that is still loading counts as not working.
        let loadTimeout: Duration
        let now: ContinuousClock.Instant
    }

    private enum FailedProbe: Hashable, Sendable { case unreachable, silent, replaced }

    /// The latest consecutive probes with the same failure.
    private struct FailedProbes: Hashable, Sendable {
        let kind: FailedProbe
        var count: Int
        let since: ContinuousClock.Instant
    }

    private struct Loading: Hashable, Sendable {
        var observer: Observer
        let since: ContinuousClock.Instant
    }

    private var misses: FailedProbes?
    private var loading: Loading?
    /// Set until the engine responds, or other evidence arrives.
    private var hasLoadedTooLong = false
    /// When it was declared unreachable.
    private var unreachableSince: ContinuousClock.Instant?
    /// The problem that the latest evidence showed; nil if there is none.
    private(set) var reason: OperatorReason?

    /// - Parameter reason: what the evidence states, for the operator; nil keeps the previous reason.
    /// - Returns: the resulting state, which may be unchanged.
    mutating func assess(
        _ evidence: Evidence, reason: OperatorReason? = nil, _ context: Context
    ) -> RunnerState {
        let new = verdict(evidence, context)
        // A working engine may still report a problem: an empty list, or a rejected API key.
        let isResponse = evidence == .responded
        self.reason = new == .ready ? (isResponse ? reason : nil) : reason ?? self.reason
        if new != .loading { loading = nil }
        let isGone = new == .asleep || new == .lost
        if isGone { hasLoadedTooLong = false }
        unreachableSince = isGone ? unreachableSince ?? context.now : nil
        return new
    }

    /// A command, not evidence, decided its state.
    mutating func clearReason() { reason = nil }

    /// Records why the runner cannot serve, without new evidence: a failed wake.
    mutating func note(_ reason: OperatorReason) { self.reason = reason }

    private mutating func verdict(_ evidence: Evidence, _ now: Context) -> RunnerState {
        let state = now.state
        switch evidence {
        case .responded:
            misses = nil
            hasLoadedTooLong = false
            // After an engine has refused a call, its model list does not prove that it serves: a trial call decides.
            // The list suffices if no trial call is in progress, or if the engine has not refused it in time.
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
            misses = FailedProbes(kind: .unreachable, count: 1, since: now.now)
            return .unknown
        case .callReplaced: return state == .ready ? .unknown : state
        case .disconnected: return Self.isAwake(state) ? .unknown : state
        case .graceExpired: return state == .unknown ? Self.unreachableState(now) : state
        case .checkStarted: return .checking
        case .checkFailed: return .down
        }
    }

    private mutating func loads(_ observer: Observer, _ now: Context) -> RunnerState {
        misses = nil
        // Normal while its machine boots.
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

    private func loadsTooLong(_ now: Context) -> Bool {
        loading.map { $0.since.duration(to: now.now) >= now.loadTimeout } ?? false
    }

    private mutating func silent(_ now: Context) -> RunnerState {
        switch now.state {
        case .ready, .unknown:
            guard now.callCount == 0 else {
                misses = nil
                return .ready
            }
            return countMiss(.silent, now) ? .down : now.state
        case .checking, .down: return now.state
        case .loading:
            // The engine is computing for the trial call.
            if now.hasTrialPassed, now.callCount > 0 { return .ready }
            return loadsTooLong(now) ? .down : .loading
        // Another host accepts connections in its place, or the machine is booting.
        case .asleep, .waking, .wakeFailed: return now.state
        case .lost: return .down
        }
    }

    private mutating func replaced(_ now: Context) -> RunnerState {
        guard now.state != .waking else { return .waking }
        // Calls in progress outweigh a single response of another server.
        let isDecided = now.callCount == 0 || countMiss(.replaced, now)
        return isDecided ? .down : now.state
    }

    private mutating func unreachable(
        lastSignAt: ContinuousClock.Instant?, _ now: Context
    ) -> RunnerState {
        switch now.state {
        case .ready, .unknown, .down, .checking, .loading:
            if let lastSignAt, let misses, lastSignAt > misses.since { self.misses = nil }
            return countMiss(.unreachable, now) ? Self.unreachableState(now) : now.state
        case .asleep, .lost:
            // Bytes arrived after it was declared unreachable: it is up, and the next probes decide whether it works.
            guard let unreachableSince, let lastSignAt, lastSignAt > unreachableSince else { return now.state }
            misses = nil
            return .unknown
        case .waking, .wakeFailed: return now.state
        }
    }

    /// - Returns: whether the failures have reached `maxMisses`.
    private mutating func countMiss(_ kind: FailedProbe, _ now: Context) -> Bool {
        var misses = misses.flatMap { $0.kind == kind ? $0 : nil } ?? FailedProbes(kind: kind, count: 0, since: now.now)
        misses.count += 1
        self.misses = misses
        return misses.count >= now.maxMisses
    }

    private static func unreachableState(_ now: Context) -> RunnerState { now.canBeWoken ? .asleep : .lost }

    private static func isAwake(_ state: RunnerState) -> Bool {
        switch state {
        case .ready, .unknown, .down, .checking, .loading: true
        case .asleep, .waking, .wakeFailed, .lost: false
        }
    }
}
