import SimpleAICore

/// The state of a runner with an agent, in addition to the state of every runner.
struct AgentState: Hashable, Sendable {
    /// A machine that was told to go to sleep. Until it has had the time to, what its agent says is of before.
    struct SleepOrder: Hashable, Sendable {
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
    func hasAtHand(_ engineModel: EngineModelID) -> Bool {
        residency.loaded.contains(engineModel) && !(load?.held.contains(engineModel) ?? false)
    }

    /// End of the grace period after its connection was lost: from then on it counts as asleep or lost.
    var goneAt: ContinuousClock.Instant?

    /// Whether its connection is open.
    var isConnected = false
    var isSleepable = false
    /// Since when it has been idle; nil while it has calls or is not ready.
    var idleSince: ContinuousClock.Instant?
    var sleepOrder: SleepOrder?
    /// Why its machine did not go to sleep when it was last told to.
    var sleepProblem: String?

    /// Whether the machine has been asleep: the effect on its engine is not known yet.
    var needsCheck = false
    var check: SanityCheck?
    /// Number of failed checks in a row.
    var failedChecks = 0
    /// Whether its machine has ever shown a GPU.
    var hadGPU = false

    /// When `timePassed` has to check it, sleep excepted.
    var nextDeadline: ContinuousClock.Instant? {
        var deadlines = [goneAt, load?.deadline].compactMap { $0 }
        if case .again(let at)? = check { deadlines.append(at) }
        return deadlines.min()
    }

    /// A connection began or ended: whatever was asked over the one before is history.
    mutating func connectionChanged() {
        sleepOrder = nil
        check = nil
        failedChecks = 0
        idleSince = nil
        load = nil
    }

    mutating func becameReady() {
        sleepOrder = nil
        needsCheck = false
        check = nil
        failedChecks = 0
    }

    mutating func fellAsleep() {
        needsCheck = true
        check = nil
        failedChecks = 0
        idleSince = nil
    }
}
