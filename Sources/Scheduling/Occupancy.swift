import SimpleAICore

/// A runner's state, its calls, and whether it may take more: all numbers that a call reads and changes.
///
/// It refers to no object, so that copying it retains nothing.
struct Occupancy: Hashable, Sendable {
    private(set) var state = RunnerState.unknown
    /// Number of leases on this runner.
    private(set) var active = 0
    private(set) var lastPicked: UInt64 = 0
    /// Whether a call has been served completely.
    private(set) var hasServed = false
    /// Whether the runner gets no more calls and is removed when its last call has ended.
    private(set) var isLeaving = false
    private(set) var outliers = OutlierDetection()
    private var slots: Int
    private var weight: Int

    init(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    // MARK: Queries

    /// Whether it has a free slot, regardless of ejection.
    var hasFreeSlot: Bool { takesCalls && !isLeaving && active < slots }
    /// An engine that is loading gets one trial call at a time.
    private var takesCalls: Bool { state == .ready || (state == .loading && outliers.isOnTrial) }
    /// Whether it is ejected, or on trial after an ejection.
    var isEjected: Bool { !outliers.isInService && state != .loading && !isLeaving }
    var canTakeCall: Bool { hasFreeSlot && outliers.admits }
    /// Its share of the load.
    var capacity: Int { slots * weight }
    /// Whether the runner is leaving and its last call has ended.
    var hasLeft: Bool { isLeaving && active == 0 }

    var rank: PlacementRank {
        guard canTakeCall else { return .unable }
        return PlacementRank(outstanding: active, capacity: capacity, lastPicked: lastPicked)
    }

    // MARK: Events

    mutating func descriptionChanged(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    mutating func stateChanged(to new: RunnerState) {
        let old = state
        state = new
        // Trials of a loading engine end with its loading; an ejection ends once the engine loads again.
        if new == .loading || (old == .loading && !outliers.isInService) { outliers.engineRestarted() }
    }

    mutating func removed() { isLeaving = true }

    /// - Parameter pick: the number of picks so far.
    mutating func callBegan(pick: UInt64) {
        active += 1
        lastPicked = pick
        outliers.callBegan()
    }

    /// - Returns: whether the outcome ends an ejection or a trial.
    mutating func callEnded(_ outcome: LeaseOutcome) -> Bool {
        active -= 1
        guard !isLeaving else { return false }
        if outcome == .served { hasServed = true }
        return outliers.callEnded(outcome)
    }

    mutating func engineRestarted(hasServed: Bool = false) { outliers.engineRestarted(hasServed: hasServed) }
    mutating func trialStarted() { outliers.trialStarted() }
    mutating func ejectionTimePassed(now: ContinuousClock.Instant) -> Bool { outliers.timePassed(now: now) }

    mutating func ejected(_ policy: EjectionPolicy, now: ContinuousClock.Instant) -> Duration {
        outliers.ejected(policy, now: now)
    }
}
