import SimpleAICore

/// How much a runner has to do, and whether it may get more: what every call looks at and changes.
///
/// Plain numbers, kept together: in the fleet's array they are read and written where they lie, while a look at the record
/// around them may copy all of it, which retains and releases everything that it names.
struct Occupancy: Hashable, Sendable {
    var state = RunnerState.unknown
    /// Calls that have a lease on it.
    var active = 0
    private(set) var lastPicked: UInt64 = 0
    /// Whether a call has been served to its end.
    private(set) var hasServed = false
    var health = RunnerHealth()
    /// Gets no more calls and is forgotten when its last one is over.
    var isLeaving = false
    private var slots: Int
    private var weight: Int

    init(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    /// Its description has changed.
    mutating func take(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    /// Whether it could take a call, were it not ejected.
    var hasFreeSlot: Bool { takesCalls && !isLeaving && active < slots }
    /// A loading engine is tried by one call at a time.
    private var takesCalls: Bool { state == .ready || (state == .loading && health.isOnTrial) }
    /// Rests after failed calls, or is on trial after that.
    var isEjected: Bool { !health.isInService && state != .loading }
    var canTakeCall: Bool { hasFreeSlot && health.admits }

    var rank: PlacementRank {
        guard canTakeCall else { return .unable }
        return PlacementRank(outstanding: active, capacity: slots * weight, lastPicked: lastPicked)
    }

    /// One more call.
    /// - Parameter pick: the number of picks so far.
    mutating func begin(pick: UInt64) {
        active += 1
        lastPicked = pick
        health.callBegan()
    }

    /// One call less.
    /// - Returns: whether that ends an ejection.
    mutating func end(_ outcome: LeaseOutcome) -> Bool {
        active -= 1
        guard !isLeaving else { return false }
        let wasInService = health.isInService
        switch outcome {
        case .served:
            hasServed = true
            health.callServed()
        case .failed: health.callFailed()
        case .internalError(let caller): health.callHadInternalError(caller: caller.hashValue)
        case .loading, .notAble, .undecided: health.callEndedUndecided()
        }
        return !wasInService && health.isInService
    }

    /// Whether nothing is left of a runner that was told to leave.
    var isGone: Bool { isLeaving && active == 0 }
}
