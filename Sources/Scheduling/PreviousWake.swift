import SimpleAICore

/// The latest wake of a machine, kept after its end.
public struct PreviousWake: Hashable, Sendable {
    public struct Outcome: Hashable, Sendable {
        public let time: Duration
        public let succeeded: Bool
    }

    let id: WakeID
    let startedAt: ContinuousClock.Instant
    private(set) var outcome: Outcome?

    init(id: WakeID, startedAt: ContinuousClock.Instant) {
        self.id = id
        self.startedAt = startedAt
    }

    mutating func ended(after time: Duration, succeeded: Bool) {
        outcome = Outcome(time: time, succeeded: succeeded)
    }
}
