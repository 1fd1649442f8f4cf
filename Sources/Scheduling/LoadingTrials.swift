import SimpleAICore

/// When an engine that has refused a call because it was loading gets the next trial call. It may list its models long
/// before it can serve them, so only a call can show that it does. One call at a time is the trial; the others wait.
struct LoadingTrials: Hashable, Sendable {
    private var failures = 0
    /// When the next trial may begin; nil if one may begin now or is in progress, or if a probe decides.
    private(set) var nextAt: ContinuousClock.Instant?

    private static let firstPause: Duration = .milliseconds(500)
    private static let maxPause: Duration = .seconds(2)

    private var startedAt: ContinuousClock.Instant?

    /// Time after which a call in progress counts as being served, because a loading engine refuses immediately.
    private static let refusalTimeout: Duration = .seconds(2)

    /// Whether a trial call has been in progress for longer than a loading engine takes to refuse it.
    func isBeyondRefusal(now: ContinuousClock.Instant) -> Bool {
        startedAt.map { $0.duration(to: now) >= Self.refusalTimeout } ?? false
    }

    /// The engine refused a call, or a trial call showed nothing: the pause before the next trial grows.
    mutating func trialFailed(now: ContinuousClock.Instant) {
        startedAt = nil
        nextAt = now.advanced(by: min(Self.firstPause * (1 << min(failures, 8)), Self.maxPause))
        failures += 1
    }

    /// - Returns: whether the next trial is due and begins.
    mutating func timePassed(now: ContinuousClock.Instant) -> Bool {
        guard let nextAt, nextAt <= now else { return false }
        self.nextAt = nil
        startedAt = now
        return true
    }

    /// The engine began or ended loading.
    mutating func engineChanged() { self = LoadingTrials() }
}
