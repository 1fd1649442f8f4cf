import SimpleAICore

/// A runner's load and whether it may take more calls: the part of its record that every call reads and changes.
///
/// Its plain numbers are read and written in place inside the fleet's array. Reading the entire record may copy it,
/// which retains and releases everything that it refers to.
struct Occupancy: Hashable, Sendable {
    var state = RunnerState.unknown
    /// Number of leases on this runner.
    var active = 0
    private(set) var lastPicked: UInt64 = 0
    /// Whether a call has been served completely.
    private(set) var hasServed = false
    var health = RunnerHealth()
    /// Whether the runner gets no more calls and is removed when its last call has ended.
    var isLeaving = false
    private var slots: Int
    private var weight: Int

    init(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    /// Copies the values of a changed description.
    mutating func update(_ runner: Runner) {
        (slots, weight) = (runner.slots, runner.weight)
    }

    /// Whether it has a free slot, regardless of ejection.
    var hasFreeSlot: Bool { takesCalls && !isLeaving && active < slots }
    /// An engine that is loading gets one trial call at a time.
    private var takesCalls: Bool { state == .ready || (state == .loading && health.isOnTrial) }
    /// Whether it is ejected, or on trial after an ejection.
    var isEjected: Bool { !health.isInService && state != .loading }
    var canTakeCall: Bool { hasFreeSlot && health.admits }

    var rank: PlacementRank {
        guard canTakeCall else { return .unable }
        return PlacementRank(outstanding: active, capacity: slots * weight, lastPicked: lastPicked)
    }

    /// Counts the start of a call.
    /// - Parameter pick: the number of picks so far.
    mutating func begin(pick: UInt64) {
        active += 1
        lastPicked = pick
        health.callBegan()
    }

    /// Counts the end of a call.
    /// - Returns: whether the outcome ends an ejection.
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
        case .loading, .foreignResponse, .undecided: health.callEndedUndecided()
        }
        return !wasInService && health.isInService
    }

    /// Whether the runner is leaving and its last call has ended.
    var hasLeft: Bool { isLeaving && active == 0 }
}
