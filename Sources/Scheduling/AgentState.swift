import SimpleAICore

/// What is known of a runner whose agent dials in, beside what is known of every runner.
struct AgentState: Hashable, Sendable {
    var residency = ModelResidency()
    /// Its connection has gone: from then on it counts as asleep or lost.
    var goneAt: ContinuousClock.Instant?
    var isSleepable = false

    /// When `timePassed` has to look at it.
    var nextDeadline: ContinuousClock.Instant? { goneAt }
}
