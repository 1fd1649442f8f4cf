import SimpleAICore

/// The state of a runner with an agent, in addition to the state of every runner.
struct AgentState: Hashable, Sendable {
    /// A command to sleep whose outcome is not known yet: until `settledAt` what its agent states over the connection of
    /// before does not count, and a machine whose agent has not reconnected by then has fallen asleep.
    struct PendingSleep: Hashable, Sendable {
        let request: RunnerRequest
        let settledAt: ContinuousClock.Instant
    }

    /// The state of the check after sleep, which decides whether the machine gets calls.
    enum SanityCheck: Hashable, Sendable {
        case underWay(RunnerRequest)
        case again(at: ContinuousClock.Instant)
    }

    var residency = ModelResidency()
    var load: LoadState?
    /// For each model that failed to load: the earliest time of the next attempt.
    var loadsNotBefore: [EngineModelID: ContinuousClock.Instant] = [:]

    /// Whether the machine can serve calls for a model at once, apart from slots.
    func canServeNow(_ engineModel: EngineModelID) -> Bool {
        residency.loaded.contains(engineModel) && !(load?.held.contains(engineModel) ?? false)
    }

    /// End of the grace period after its connection was lost: from then on it counts as asleep or lost.
    var graceExpiresAt: ContinuousClock.Instant?

    /// Whether its connection is open.
    var isConnected = false
    var isSleepable = false
    /// When it became idle; nil while it has calls or is not ready.
    var idleSince: ContinuousClock.Instant?
    var pendingSleep: PendingSleep?
    /// Why its machine did not fall asleep after the last command to sleep.
    var sleepProblem: OperatorReason?

    /// Whether the machine has been asleep: the effect on its engine is not known yet.
    var needsCheck = false
    var check: SanityCheck?
    /// Number of failed checks in a row.
    var failedChecks = 0
    /// Whether its machine has ever shown a GPU.
    var hadGPU = false

    /// When `timePassed` has to check it, sleep excepted.
    var nextDeadline: ContinuousClock.Instant? {
        var deadlines = [graceExpiresAt, load?.deadline, isConnected ? nil : pendingSleep?.settledAt].compactMap { $0 }
        if case .again(let at)? = check { deadlines.append(at) }
        return deadlines.min()
    }

    /// A connection began or ended: commands that were sent over the one before get no response.
    mutating func connectionChanged() {
        check = nil
        failedChecks = 0
        idleSince = nil
        load = nil
    }

    mutating func becameReady() {
        pendingSleep = nil
        needsCheck = false
        check = nil
        failedChecks = 0
    }

    mutating func fellAsleep() {
        sleepProblem = nil
        needsCheck = true
        check = nil
        failedChecks = 0
        idleSince = nil
    }
}
