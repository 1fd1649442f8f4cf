import SimpleAICore

/// Decides from the evidence about one runner whether its machine is up and its engine works. No other type decides
/// this.
///
/// No single probe outweighs other evidence that a machine is up:
///
/// | evidence | means |
/// |---|---|
/// | a response of the engine, a heartbeat | up and working |
/// | connection accepted, no response, calls in progress | up, busy: never asleep, never lost |
/// | connection accepted, no response, no calls, several times in a row | the host is up, its engine does not work |
/// | connection refused | the host is up, its engine does not work |
/// | another server responds: a front end's 502, a web page, an immediate close | the engine does not work |
/// | the engine states that it is not ready yet | loading |
/// | no SYN-ACK, several times in a row, and no byte or acknowledgement on its calls meanwhile | unreachable |
///
/// The scheduler commands wakes, sleeps and checks; their results are evidence here.
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
        case foreignResponse
        /// The connection could not be established.
        /// - Parameter lastContactAt: when the machine last acknowledged or sent a byte on any of its calls.
        case unreachable(lastContactAt: ContinuousClock.Instant?)
        /// A call could not establish a connection: the next probe decides.
        case callUnreachable
        /// Another server responded to a call in the engine's place: the next probe decides.
        case callGotForeignResponse
        /// The agent's connection was closed, or timed out.
        case disconnected
        /// The agent did not reconnect in time.
        case graceExpired
        case checkStarted
        case checkFailed
    }

    /// What observed that an engine is loading. An engine may list its models long before it can serve them, so after a
    /// refused call a trial call decides, not a probe.
    enum Observer: Hashable, Sendable { case probe, call }

    struct Context {
        let state: RunnerState
        /// Number of calls in progress on the runner.
        let callCount: Int
        /// Whether the runner is on trial and no trial call can be refused any more: none is in progress, or the one in
        /// progress has lasted longer than a loading engine takes to refuse a call.
        var noTrialCanBeRefused = false
        let canBeWoken: Bool
        /// Number of consecutive probes with the same failure that change the state.
        let maxMisses: Int
        /// Time after which an engine that is still loading counts as not working.
        let loadTimeout: Duration
        let now: ContinuousClock.Instant
    }

    private enum FailedProbe: Hashable, Sendable { case unreachable, silent, foreignResponse }

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
    /// Whether the engine has been loading for longer than `loadTimeout`; reset once it responds,
    /// refuses a connection or is unreachable.
    private var hasLoadedTooLong = false
    /// When it was declared unreachable.
    private var unreachableSince: ContinuousClock.Instant?
    /// The problem that the latest evidence showed; nil if there is none.
    private(set) var reason: OperatorReason?

    /// - Parameter reason: what was observed, for the operator; nil keeps the previous reason unless the runner is
    ///   ready.
    /// - Returns: the resulting state, which may be unchanged.
    mutating func assess(
        _ evidence: Evidence, reason: OperatorReason? = nil, _ context: Context
    ) -> RunnerState {
        let new = verdict(evidence, context)
        // A working engine may still report a problem: an empty list, or a rejected API key.
        let isResponse = evidence == .responded
        self.reason = new == .ready ? (isResponse ? reason : nil) : reason ?? self.reason
        if new != .loading { loading = nil }
        let isUnreachable = new == .asleep || new == .lost
        if isUnreachable { hasLoadedTooLong = false }
        unreachableSince = isUnreachable ? unreachableSince ?? context.now : nil
        return new
    }

    /// Clears the reason after a command, not evidence, has changed the state.
    mutating func clearReason() { reason = nil }

    /// Records why the runner cannot serve if no evidence shows it: a failed wake.
    mutating func note(_ reason: OperatorReason) { self.reason = reason }

    private mutating func verdict(_ evidence: Evidence, _ context: Context) -> RunnerState {
        let state = context.state
        switch evidence {
        case .responded:
            misses = nil
            hasLoadedTooLong = false
            // After an engine has refused a call, its model list does not prove that it serves: a trial call decides.
            // Once the runner is on trial, its list suffices if no call is on trial yet, or if the engine has not refused that
            // call in time.
            let awaitsTrial = state == .loading && loading?.observer == .call && !context.noTrialCanBeRefused
            return awaitsTrial && !loadsTooLong(context) ? .loading : .ready
        case .served: return state == .loading ? .ready : state
        case .loading(let observer): return loads(observer, context)
        case .silent: return silent(context)
        case .refused:
            misses = nil
            hasLoadedTooLong = false
            return state == .waking ? state : .down
        case .foreignResponse: return replaced(context)
        case .unreachable(let lastContactAt): return unreachable(lastContactAt: lastContactAt, context)
        case .callUnreachable:
            guard state == .ready else { return state }
            misses = FailedProbes(kind: .unreachable, count: 1, since: context.now)
            return .unknown
        case .callGotForeignResponse: return state == .ready ? .unknown : state
        case .disconnected: return Self.isAwake(state) ? .unknown : state
        case .graceExpired: return state == .unknown ? Self.unreachableState(context) : state
        case .checkStarted: return .checking
        case .checkFailed: return .down
        }
    }

    private mutating func loads(_ observer: Observer, _ context: Context) -> RunnerState {
        misses = nil
        // Normal while its machine boots.
        guard context.state != .waking else { return .waking }
        guard !hasLoadedTooLong else { return .down }
        guard context.state == .loading, let loading else {
            self.loading = Loading(observer: observer, since: context.now)
            return .loading
        }
        self.loading = Loading(observer: observer == .call ? .call : loading.observer, since: loading.since)
        hasLoadedTooLong = loadsTooLong(context)
        return hasLoadedTooLong ? .down : .loading
    }

    private func loadsTooLong(_ context: Context) -> Bool {
        loading.map { $0.since.duration(to: context.now) >= context.loadTimeout } ?? false
    }

    private mutating func silent(_ context: Context) -> RunnerState {
        switch context.state {
        case .ready, .unknown:
            guard context.callCount == 0 else {
                misses = nil
                return .ready
            }
            return countMiss(.silent, context) ? .down : context.state
        case .checking, .down: return context.state
        case .loading:
            // The engine is computing for the trial call, because it has not refused it in time.
            if context.noTrialCanBeRefused, context.callCount > 0 { return .ready }
            return loadsTooLong(context) ? .down : .loading
        // Another host accepts connections in its place, or the machine is booting.
        case .asleep, .waking, .wakeFailed: return context.state
        case .lost: return .down
        }
    }

    private mutating func replaced(_ context: Context) -> RunnerState {
        guard context.state != .waking else { return .waking }
        // Calls in progress outweigh a single response of another server.
        let isDecided = context.callCount == 0 || countMiss(.foreignResponse, context)
        return isDecided ? .down : context.state
    }

    private mutating func unreachable(
        lastContactAt: ContinuousClock.Instant?, _ context: Context
    ) -> RunnerState {
        switch context.state {
        case .ready, .unknown, .down, .checking, .loading:
            if let lastContactAt, let misses, lastContactAt > misses.since { self.misses = nil }
            return countMiss(.unreachable, context) ? Self.unreachableState(context) : context.state
        case .asleep, .lost:
            // A byte or an acknowledgement arrived after it was declared unreachable: it is up, and the next probe
            // decides whether its engine works.
            guard let unreachableSince, let lastContactAt, lastContactAt > unreachableSince else {
                return context.state
            }
            misses = nil
            return .unknown
        case .waking, .wakeFailed: return context.state
        }
    }

    /// - Returns: whether the failures have reached `maxMisses`.
    private mutating func countMiss(_ kind: FailedProbe, _ context: Context) -> Bool {
        var misses =
            misses.flatMap { $0.kind == kind ? $0 : nil } ?? FailedProbes(kind: kind, count: 0, since: context.now)
        misses.count += 1
        self.misses = misses
        return misses.count >= context.maxMisses
    }

    private static func unreachableState(_ context: Context) -> RunnerState { context.canBeWoken ? .asleep : .lost }

    private static func isAwake(_ state: RunnerState) -> Bool {
        switch state {
        case .ready, .unknown, .down, .checking, .loading: true
        case .asleep, .waking, .wakeFailed, .lost: false
        }
    }
}
