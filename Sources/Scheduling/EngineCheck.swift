import SimpleAICore

/// The check that decides after a sleep whether a machine's engine still works: it has to generate one token.
///
///     not needed –fellAsleep→ needed –started→ in progress –completed→ not needed
///                                                  └–completed with a failure→ retry –timePassed→ needed
struct EngineCheck: Hashable, Sendable {
    private enum Stage: Hashable, Sendable {
        case waiting
        case inProgress(CommandID)
        case retry(at: ContinuousClock.Instant)
    }

    enum Completion: Hashable {
        /// The result of an outdated check.
        case ignored
        case passed
        case failed
    }

    enum GPU: Hashable {
        case available
        /// The machine had a GPU before it slept.
        /// - Parameter isFirstReport: whether the operator has not been warned yet.
        case missing(isFirstReport: Bool)
    }

    /// Whether the machine has been asleep since it was last ready, so that its engine may not work any more.
    private(set) var isNeeded = false
    private var stage = Stage.waiting
    /// Number of failed checks in a row.
    private var failures = 0
    /// Whether the agent has ever reported a GPU.
    private var hadGPU = false

    private static let maxFailures = 6

    // MARK: Queries

    /// Whether a check is in progress, or the next one is scheduled.
    var isPending: Bool { stage != .waiting }

    /// When the next check is due.
    var retryAt: ContinuousClock.Instant? { if case .retry(let at) = stage { at } else { nil } }

    // MARK: Events

    mutating func started(_ request: CommandID) { stage = .inProgress(request) }

    /// A failed check is repeated after 2, 4, 8, … up to 64 seconds.
    mutating func completed(_ request: CommandID, succeeded: Bool, now: ContinuousClock.Instant) -> Completion {
        guard stage == .inProgress(request) else { return .ignored }
        if succeeded {
            becameReady()
            return .passed
        }
        failures = min(failures + 1, Self.maxFailures)
        stage = .retry(at: now.advanced(by: .seconds(1 << failures)))
        return .failed
    }

    /// - Returns: whether the next check is due.
    mutating func timePassed(now: ContinuousClock.Instant) -> Bool {
        guard let retryAt, retryAt <= now else { return false }
        stage = .waiting
        return true
    }

    /// - Parameter isEnabled: whether machines are checked at all.
    mutating func gpuReported(_ hasGPU: Bool?, isEnabled: Bool) -> GPU {
        if hasGPU == true { hadGPU = true }
        guard isEnabled, isNeeded, hadGPU, hasGPU == false else { return .available }
        let isFirstReport = failures == 0
        failures = max(1, failures)
        return .missing(isFirstReport: isFirstReport)
    }

    mutating func engineRefused() { stage = .waiting }

    mutating func fellAsleep() {
        isNeeded = true
        connectionChanged()
    }

    mutating func becameReady() {
        isNeeded = false
        connectionChanged()
    }

    /// A check that was requested over the previous connection gets no response.
    mutating func connectionChanged() {
        stage = .waiting
        failures = 0
    }
}
