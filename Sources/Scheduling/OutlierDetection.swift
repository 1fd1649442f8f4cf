import SimpleAICore

/// Ejects a runner whose calls keep failing.
///
///     in service –ejected→ ejected –timePassed→ on trial –call served→ in service
///                             ↑                    └–call failed, ejected–┐
///                             └───────────────────────────────────────────┘
///
/// A runner on trial takes one call at a time. An engine that is loading is put on trial as well (`LoadingTrials`).
struct OutlierDetection: Hashable, Sendable {
    private enum Standing: Hashable, Sendable {
        case inService
        case ejected(until: PlainInstant)
        case onTrial(hasCall: Bool)
    }

    private var standing = Standing.inService
    private var machineFailuresInARow = 0
    private var internalErrorsInARow = 0
    /// The hash of the caller that received the first of the internal errors.
    private var firstErrorCaller = 0
    /// Whether several callers have received internal errors.
    private(set) var hasErrorsOfSeveralCallers = false
    private var ejectionsInARow = 0
    /// Whether it has served a call since it became ready.
    private(set) var hasServed = false

    // MARK: Queries

    /// Number of failures in a row that count against the runner.
    var failuresInARow: Int { machineFailuresInARow + (hasErrorsOfSeveralCallers ? internalErrorsInARow : 0) }

    /// Whether the runner takes one more call.
    var admits: Bool {
        switch standing {
        case .inService, .onTrial(hasCall: false): true
        case .ejected, .onTrial(hasCall: true): false
        }
    }

    var isInService: Bool { if case .inService = standing { true } else { false } }
    var isOnTrial: Bool { if case .onTrial = standing { true } else { false } }

    /// The end of the ejection; nil while it is in service or on trial.
    var ejectedUntil: ContinuousClock.Instant? {
        if case .ejected(let until) = standing { until.instant } else { nil }
    }

    /// Whether the failures so far require an ejection: a failed trial always does.
    /// - Parameter isPermitted: whether the policy permits one more ejected runner; evaluated only if it decides.
    func requiresEjection(_ policy: EjectionPolicy, isPermitted: () -> Bool) -> Bool {
        switch standing {
        case .onTrial: true
        case .ejected: false
        case .inService: policy.failures > 0 && failuresInARow >= policy.failures && isPermitted()
        }
    }

    // MARK: Events

    mutating func callBegan() {
        if isOnTrial { standing = .onTrial(hasCall: true) }
    }

    /// - Returns: whether the outcome ends an ejection.
    mutating func callEnded(_ outcome: LeaseOutcome) -> Bool {
        switch outcome {
        case .served: return callServed()
        case .failed: machineFailuresInARow += 1
        case .internalError(let caller): callHadInternalError(caller: caller.hashValue)
        case .loading, .foreignResponse, .undecided: trialEndedUndecided()
        }
        return false
    }

    /// - Returns: for how long.
    mutating func ejected(_ policy: EjectionPolicy, now: ContinuousClock.Instant) -> Duration {
        ejectionsInARow += 1
        let duration = policy.duration(ofEjection: ejectionsInARow)
        standing = .ejected(until: PlainInstant(now.advanced(by: duration)))
        return duration
    }

    /// - Returns: whether the ejection has ended and the trial begins.
    mutating func timePassed(now: ContinuousClock.Instant) -> Bool {
        guard let until = ejectedUntil, until <= now else { return false }
        trialStarted()
        return true
    }

    mutating func trialStarted() { standing = .onTrial(hasCall: false) }

    /// Failures of an earlier run of the engine are no evidence about the present one.
    /// - Parameter hasServed: whether a served call showed that the engine is ready.
    mutating func engineRestarted(hasServed: Bool = false) {
        self = OutlierDetection()
        self.hasServed = hasServed
    }

    private mutating func callServed() -> Bool {
        (machineFailuresInARow, internalErrorsInARow, hasErrorsOfSeveralCallers) = (0, 0, false)
        hasServed = true
        guard isOnTrial else { return false }
        standing = .inService
        ejectionsInARow = 0
        return true
    }

    /// - Parameter caller: the hash of the caller's id.
    private mutating func callHadInternalError(caller: Int) {
        if internalErrorsInARow == 0 { firstErrorCaller = caller }
        internalErrorsInARow += 1
        if caller != firstErrorCaller { hasErrorsOfSeveralCallers = true }
        if !hasErrorsOfSeveralCallers { trialEndedUndecided() }
    }

    private mutating func trialEndedUndecided() {
        if isOnTrial { standing = .onTrial(hasCall: false) }
    }
}
