import SimpleAICore

/// The state of a runner with an agent, in addition to the state of every runner.
struct AgentState: Hashable, Sendable {
    /// A sleep command whose outcome is not known yet. Until `settledAt`, reports over the existing connection are
    /// ignored; a machine whose agent has not reconnected by then has fallen asleep.
    struct PendingSleep: Hashable, Sendable {
        let request: CommandID
        let settledAt: ContinuousClock.Instant
    }

    /// The state of the check that decides after a sleep whether the machine gets calls.
    enum SanityCheck: Hashable, Sendable {
        case inProgress(CommandID)
        case retry(at: ContinuousClock.Instant)
    }

    var residency = ModelResidency()
    var load: LoadState?
    /// For each model that failed to load: the earliest time of the next attempt.
    var loadsNotBefore: [EngineModelID: ContinuousClock.Instant] = [:]

    /// Whether the model is in memory and open to new calls. Slots are not considered.
    func canServeNow(_ engineModel: EngineModelID) -> Bool {
        residency.loaded.contains(engineModel) && !(load?.blockedModels.contains(engineModel) ?? false)
    }

    /// End of the grace period that began when the connection was lost; the machine then counts as asleep or lost.
    var graceExpiresAt: ContinuousClock.Instant?

    /// Whether its connection is open.
    var isConnected = false
    var isSleepable = false
    /// When it became idle; nil while it has calls or is not ready.
    var idleSince: ContinuousClock.Instant?
    var pendingSleep: PendingSleep?
    /// Why its machine did not fall asleep after the last sleep command.
    var sleepProblem: OperatorReason?

    /// Whether the machine has been asleep since it was last ready, so that its engine may not work any more.
    var needsCheck = false
    var check: SanityCheck?
    /// Number of failed checks in a row.
    var failedChecks = 0
    /// Whether the agent has ever reported a GPU.
    var hadGPU = false

    /// The earliest time at which `timePassed` has to act on this agent, apart from putting an idle machine to sleep.
    var nextDeadline: ContinuousClock.Instant? {
        var deadlines = [graceExpiresAt, load?.deadline, isConnected ? nil : pendingSleep?.settledAt].compactMap { $0 }
        if case .retry(let at)? = check { deadlines.append(at) }
        return deadlines.min()
    }

    /// Clears what depends on the previous connection: commands that were sent over it get no response.
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
