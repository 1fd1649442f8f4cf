/// Decides when the state is compared with the state file, and written if it differs. Pure.
///
/// Any number of requests during a check leads to one more check, for example when a thousand machines connect. The pause
/// between checks grows with the duration of a check, so that even a large file uses only a small share of a core. A
/// failed write is retried.
struct WriteSchedule {
    enum Action: Hashable {
        case check
        case wait(Duration)
    }

    private enum Phase: Hashable {
        case idle
        /// Waiting for the end of the pause, or for the retry.
        case waiting
        case checking(isDue: Bool)
    }

    private static let minPause: Duration = .seconds(1)
    private static let maxPause: Duration = .seconds(300)
    /// The pause after a check, as a multiple of the check's duration.
    private static let pauseFactor = 20
    private static let firstRetry: Duration = .seconds(5)
    private static let maxRetry: Duration = .seconds(60)

    private var phase = Phase.idle
    private var nextCheckAt: ContinuousClock.Instant?
    private var retry: Duration?
    /// Skips the pause, because a caller waits for the result.
    private var isImmediate = false

    var isChecking: Bool {
        if case .checking = phase { true } else { false }
    }

    /// The state may have changed.
    mutating func updateRequested(at now: ContinuousClock.Instant) -> Action? {
        switch phase {
        case .idle: return next(at: now)
        case .waiting: return nil
        case .checking:
            phase = .checking(isDue: true)
            return nil
        }
    }

    mutating func waitEnded() -> Action? {
        guard phase == .waiting else { return nil }
        phase = .checking(isDue: false)
        return .check
    }

    /// - Parameters:
    ///   - duration: of the check and the write.
    ///   - isWritten: whether the file is up to date.
    mutating func checkEnded(
        at now: ContinuousClock.Instant, duration: Duration, isWritten: Bool
    ) -> Action? {
        guard case .checking(let isDue) = phase else { return nil }
        nextCheckAt = now + min(Self.maxPause, max(Self.minPause, duration * Self.pauseFactor))
        guard isWritten else {
            let delay = retry ?? Self.firstRetry
            retry = min(Self.maxRetry, delay * 2)
            phase = .waiting
            return .wait(delay)
        }
        retry = nil
        phase = .idle
        return isDue ? next(at: now) : nil
    }

    /// Starts a waiting check immediately, and skips later pauses until `immediateWriteEnded`.
    mutating func writeImmediately() -> Action? {
        isImmediate = true
        return waitEnded()
    }

    mutating func immediateWriteEnded() { isImmediate = false }

    private mutating func next(at now: ContinuousClock.Instant) -> Action {
        if !isImmediate, let nextCheckAt, now < nextCheckAt {
            phase = .waiting
            return .wait(nextCheckAt - now)
        }
        phase = .checking(isDue: false)
        return .check
    }
}
