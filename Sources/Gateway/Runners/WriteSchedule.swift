/// When the state file is looked after: pure.
///
/// What is asked for while a look is under way leads to one more, however often it is asked for: a thousand machines that
/// come up together are no thousand looks. Looks keep a distance that grows with what one takes, so that the file never
/// costs more than a small share of a core, however large it is. What could not be written is tried again.
struct WriteSchedule {
    enum Action: Hashable {
        case look
        case wait(Duration)
    }

    private enum Phase: Hashable {
        case idle
        /// For the distance, or for the next try.
        case waiting
        case looking(isDue: Bool)
    }

    private static let minDistance: Duration = .seconds(1)
    private static let maxDistance: Duration = .seconds(300)
    /// Of a look's duration.
    private static let distanceFactor = 20
    private static let firstRetry: Duration = .seconds(5)
    private static let maxRetry: Duration = .seconds(60)

    private var phase = Phase.idle
    private var nextLookAt: ContinuousClock.Instant?
    private var retry: Duration?
    /// Distances are not kept: somebody waits for the end of it.
    private var isHurried = false

    var isLooking: Bool {
        if case .looking = phase { true } else { false }
    }

    /// Something may have changed.
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
    ///   - duration: what the look and the write took.
    ///   - isWritten: whether the file says everything now.
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

    /// What waits is done now.
    mutating func hurry() -> Action? {
        isHurried = true
        return waitEnded()
    }

    mutating func hurryEnded() { isHurried = false }

    private mutating func next(at now: ContinuousClock.Instant) -> Action {
        if !isHurried, let nextLookAt, now < nextLookAt {
            phase = .waiting
            return .wait(nextLookAt - now)
        }
        phase = .looking(isDue: false)
        return .look
    }
}
