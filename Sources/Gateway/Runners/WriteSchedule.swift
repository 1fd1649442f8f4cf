/// When the state file is compared and written. Pure.
///
/// A request during a check leads to one more check, however many requests there are: a thousand machines that connect
/// at once do not cause a thousand checks. The distance between checks grows with the duration of a check, so that the
/// file never costs more than a small share of a core, however large it is. A failed write is retried.
struct WriteSchedule {
    enum Action: Hashable {
        case look
        case wait(Duration)
    }

    private enum Phase: Hashable {
        case idle
        /// Waiting for the distance, or for the retry.
        case waiting
        case looking(isDue: Bool)
    }

    private static let minDistance: Duration = .seconds(1)
    private static let maxDistance: Duration = .seconds(300)
    /// As a multiple of a check's duration.
    private static let distanceFactor = 20
    private static let firstRetry: Duration = .seconds(5)
    private static let maxRetry: Duration = .seconds(60)

    private var phase = Phase.idle
    private var nextLookAt: ContinuousClock.Instant?
    private var retry: Duration?
    /// Skips the distance, because a caller waits for the result.
    private var isImmediate = false

    var isLooking: Bool {
        if case .looking = phase { true } else { false }
    }

    /// The state may have changed.
    mutating func updateRequested(at now: ContinuousClock.Instant) -> Action? {
        switch phase {
        case .idle: return next(at: now)
        case .waiting: return nil
        case .looking:
            phase = .looking(isDue: true)
            return nil
        }
    }

    mutating func waitEnded() -> Action? {
        guard phase == .waiting else { return nil }
        phase = .looking(isDue: false)
        return .look
    }

    /// - Parameters:
    ///   - duration: of the check and the write.
    ///   - isWritten: whether the file is up to date.
    mutating func lookEnded(
        at now: ContinuousClock.Instant, duration: Duration, isWritten: Bool
    ) -> Action? {
        guard case .looking(let isDue) = phase else { return nil }
        nextLookAt = now + min(Self.maxDistance, max(Self.minDistance, duration * Self.distanceFactor))
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

    /// Starts a pending check at once.
    mutating func writeImmediately() -> Action? {
        isImmediate = true
        return waitEnded()
    }

    mutating func hurryEnded() { isImmediate = false }

    private mutating func next(at now: ContinuousClock.Instant) -> Action {
        if !isImmediate, let nextLookAt, now < nextLookAt {
            phase = .waiting
            return .wait(nextLookAt - now)
        }
        phase = .looking(isDue: false)
        return .look
    }
}
