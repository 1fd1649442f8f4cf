public import SimpleAICore

/// When a runner that fails call after call is given a rest (`routing.ejection`).
public struct EjectionPolicy: Hashable, Sendable {
    /// So many failed calls in a row; 0 ejects nobody.
    public var failures: Int
    /// The first time; a runner that fails its trial rests longer every time, up to ten times as long.
    public var duration: Duration
    /// How large a share of the runners that are ready may be ejected at the same time.
    public var maxShare: Double

    public init(failures: Int = 5, duration: Duration = .seconds(10), maxShare: Double = 0.5) {
        self.failures = failures
        self.duration = duration
        self.maxShare = maxShare
    }

    /// How long the n-th ejection in a row lasts, counted from 1.
    func duration(ofEjection number: Int) -> Duration { duration * min(max(1, number), 10) }
}

/// What a call that is over states about its runner.
public enum LeaseOutcome: Hashable, Sendable {
    case served
    /// The machine's fault: no connection, a timeout, 502, 503 or 504, a broken response.
    case failed
    /// The engine answered this caller's request with an internal error (500), which may be the request's fault: it
    /// counts against the runner once several callers have seen one.
    case internalError(of: CallerID)
    /// The engine states that it cannot serve yet: 503 while it loads a model, or 503 of a runner that has not served a
    /// call since it became ready (`Lease.runnerHasServed`). Counts against nobody; the call is placed again.
    case loading
    /// What responded is not the engine: a front end's 502, a page. Counts against nobody; the next probe decides.
    case notAble
    /// Nothing: the client left, or the fault was the caller's or ours.
    case undecided
}

/// How a runner fares, and whether it gets calls: in service, ejected, or on trial with a single call at a time.
struct RunnerHealth: Hashable, Sendable {
    private enum Standing: Hashable, Sendable {
        case inService
        case ejected(until: ContinuousClock.Instant)
        case onTrial(callIsOut: Bool)
    }

    private var standing = Standing.inService
    private var machineFailuresInARow = 0
    private var internalErrorsInARow = 0
    /// The hash of the caller who saw the first of them.
    private var firstErrorCaller = 0
    /// Whether callers other than that one have seen some of them.
    private(set) var hasErrorsOfSeveralCallers = false
    private(set) var ejectionsInARow = 0
    /// Whether it has served a call since it became ready.
    private(set) var hasServed = false

    /// Those that count against the runner.
    var failuresInARow: Int { machineFailuresInARow + (hasErrorsOfSeveralCallers ? internalErrorsInARow : 0) }

    var admits: Bool {
        switch standing {
        case .inService, .onTrial(callIsOut: false): true
        case .ejected, .onTrial(callIsOut: true): false
        }
    }

    var isInService: Bool { if case .inService = standing { true } else { false } }
    var isOnTrial: Bool { if case .onTrial = standing { true } else { false } }

    /// Nil unless it is ejected and not on trial.
    var ejectedUntil: ContinuousClock.Instant? { if case .ejected(let until) = standing { until } else { nil } }

    mutating func callBegan() {
        if isOnTrial { standing = .onTrial(callIsOut: true) }
    }

    mutating func callServed() {
        (machineFailuresInARow, internalErrorsInARow, hasErrorsOfSeveralCallers) = (0, 0, false)
        hasServed = true
        guard isOnTrial else { return }
        standing = .inService
        ejectionsInARow = 0
    }

    mutating func callFailed() { machineFailuresInARow += 1 }

    /// - Parameter caller: the hash of the call's caller.
    mutating func callHadInternalError(caller: Int) {
        if internalErrorsInARow == 0 { firstErrorCaller = caller }
        internalErrorsInARow += 1
        if caller != firstErrorCaller { hasErrorsOfSeveralCallers = true }
        if !hasErrorsOfSeveralCallers { callEndedUndecided() }
    }

    mutating func callEndedUndecided() {
        if isOnTrial { standing = .onTrial(callIsOut: false) }
    }

    mutating func eject(until: ContinuousClock.Instant) {
        ejectionsInARow += 1
        standing = .ejected(until: until)
    }

    mutating func beginTrial() { standing = .onTrial(callIsOut: false) }
}
