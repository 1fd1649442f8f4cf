import SimpleAICore

/// What is known of a runner whose agent dials in, beside what is known of every runner.
struct AgentState: Hashable, Sendable {
    /// A machine that was told to go to sleep. Until it has had the time to, what its agent says is of before.
    struct SleepOrder: Hashable, Sendable {
        let request: RunnerRequest
        let settledAt: ContinuousClock.Instant
    }

    /// What decides whether calls go to a machine that has been asleep.
    enum SanityCheck: Hashable, Sendable {
        case underWay(RunnerRequest)
        case again(at: ContinuousClock.Instant)
    }

    var residency = ModelResidency()
    var load: LoadState?
    /// Of models that could not be loaded: when it is tried again.
    var loadsNotBefore: [EngineModelID: ContinuousClock.Instant] = [:]

    /// Whether calls for a model can go there at once, apart from slots.
    func hasAtHand(_ engineModel: EngineModelID) -> Bool {
        residency.loaded.contains(engineModel) && !(load?.held.contains(engineModel) ?? false)
    }

    /// Its connection has gone: from then on it counts as asleep or lost.
    var goneAt: ContinuousClock.Instant?

    /// Its connection is open.
    var isConnected = false
    var isSleepable = false
    /// Since when it has had nothing to do; nil while it has, and while it is not ready.
    var idleSince: ContinuousClock.Instant?
    var sleepOrder: SleepOrder?
    /// Why its machine did not go to sleep when it was last told to.
    var sleepProblem: String?

    /// It has been asleep: nobody knows yet what that did to its engine.
    var needsCheck = false
    var check: SanityCheck?
    /// In a row.
    var failedChecks = 0
    /// Whether its machine has ever shown a GPU.
    var hadGPU = false

    /// When `timePassed` has to look at it, sleep apart.
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
