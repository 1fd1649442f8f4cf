public import SimpleAICore

/// When a runner that keeps failing is ejected (`routing.ejection`).
public struct EjectionPolicy: Hashable, Sendable {
    /// Number of failed calls in a row; 0 turns ejection off.
    public var failures: Int
    /// Duration of the first ejection; each failed trial makes the next one longer, up to ten times this value.
    public var duration: Duration
    /// The maximum share of the ready runners that may be ejected at the same time.
    public var maxShare: Double

    public init(failures: Int = 5, duration: Duration = .seconds(10), maxShare: Double = 0.5) {
        self.failures = failures
        self.duration = duration
        self.maxShare = maxShare
    }

    /// How long the n-th ejection in a row lasts, counted from 1.
    func duration(ofEjection number: Int) -> Duration { duration * min(max(1, number), 10) }
}

/// What the end of a call shows about its runner.
public enum LeaseOutcome: Hashable, Sendable {
    case served
    /// The machine failed: no connection, a timeout, 502, 503 or 504, or a broken response.
    case failed
    /// The engine responded with an internal error (500), which this caller's request may have caused: it counts
    /// against the runner once several callers have received one.
    case internalError(of: CallerID)
    /// The engine states that it cannot serve yet: 503 while it loads a model, or 503 of a runner that has not served a
    /// call since it became ready (`Lease.runnerHasServed`). Not counted as a failure; the call is placed again.
    case loading
    /// Another server responded in the engine's place: a front end's 502, or a web page. Not counted as a failure; the
    /// next probe decides.
    case foreignResponse
    /// No evidence: the client disconnected, or the caller or the gateway caused the failure.
    case undecided
}

/// A runner's health and whether it gets calls: in service, ejected, or on trial with one call at a time.
struct RunnerHealth: Hashable, Sendable {
    private enum Standing: Hashable, Sendable {
        case inService
        case ejected(until: ContinuousClock.Instant)
        case onTrial(hasCall: Bool)
    }

    private var standing = Standing.inService
    private var machineFailuresInARow = 0
    private var internalErrorsInARow = 0
    /// The hash of the caller that received the first of the internal errors.
    private var firstErrorCaller = 0
    /// Whether several callers have received internal errors.
    private(set) var hasErrorsOfSeveralCallers = false
    private(set) var ejectionsInARow = 0
    /// Whether it has served a call since it became ready.
    private(set) var hasServed = false

    /// Number of failures in a row that count against the runner.
    var failuresInARow: Int { machineFailuresInARow + (hasErrorsOfSeveralCallers ? internalErrorsInARow : 0) }

    var admits: Bool {
        switch standing {
        case .inService, .onTrial(hasCall: false): true
        case .ejected, .onTrial(hasCall: true): false
        }
    }

    var isInService: Bool { if case .inService = standing { true } else { false } }
    var isOnTrial: Bool { if case .onTrial = standing { true } else { false } }

    /// The end of the ejection; nil while it is in service or on trial.
    var ejectedUntil: ContinuousClock.Instant? { if case .ejected(let until) = standing { until } else { nil } }

    mutating func callBegan() {
        if isOnTrial { standing = .onTrial(hasCall: true) }
    }

    mutating func callServed() {
        (machineFailuresInARow, internalErrorsInARow, hasErrorsOfSeveralCallers) = (0, 0, false)
        hasServed = true
        guard isOnTrial else { return }
        standing = .inService
        ejectionsInARow = 0
    }

    mutating func callFailed() { machineFailuresInARow += 1 }

    /// - Parameter caller: the hash of the caller's id.
    mutating func callHadInternalError(caller: Int) {
        if internalErrorsInARow == 0 { firstErrorCaller = caller }
        internalErrorsInARow += 1
        if caller != firstErrorCaller { hasErrorsOfSeveralCallers = true }
        if !hasErrorsOfSeveralCallers { callEndedUndecided() }
    }

    mutating func callEndedUndecided() {
        if isOnTrial { standing = .onTrial(hasCall: false) }
    }

    mutating func eject(until: ContinuousClock.Instant) {
        ejectionsInARow += 1
        standing = .ejected(until: until)
    }

    mutating func beginTrial() { standing = .onTrial(hasCall: false) }
}
