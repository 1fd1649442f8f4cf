import SimpleAICore

@testable import Scheduling

/// What may make a machine ready again that the gateway has put to sleep itself: a failed command, an engine that
/// responds after it has stopped responding, or one that still responds after the grace period.
struct SleepLedger {
    private struct Sleep {
        let request: CommandID
        /// When a response means that the machine has not fallen asleep.
        var settledAt: ContinuousClock.Instant
        var hasStoppedResponding = false
    }

    private let gracePeriod: Duration
    private let commandTimeout: Duration
    private var sleeps: [RunnerID: Sleep] = [:]
    /// The machine that the present event may make ready.
    private var permitted: RunnerID?

    init(_ configuration: SchedulerState.Configuration) {
        gracePeriod = configuration.sleepGracePeriod
        commandTimeout = configuration.sleepCommandTimeout
    }

    /// Whether a machine that becomes ready in the present event may do so.
    func permitsReady(_ runner: RunnerID) -> Bool { sleeps[runner] == nil || permitted == runner }

    mutating func eventBegan() { permitted = nil }

    mutating func commanded(_ runner: RunnerID, _ request: CommandID, now: ContinuousClock.Instant) {
        sleeps[runner] = Sleep(request: request, settledAt: now.advanced(by: commandTimeout + gracePeriod))
    }

    /// - Returns: whether the machine has to be ready afterwards.
    mutating func completed(
        _ runner: RunnerID, _ request: CommandID, succeeded: Bool, now: ContinuousClock.Instant
    ) -> Bool {
        guard let sleep = sleeps[runner], sleep.request == request else { return false }
        if succeeded || sleep.hasStoppedResponding {
            sleeps[runner]?.settledAt = now.advanced(by: gracePeriod)
            return false
        }
        permitted = runner
        return true
    }

    mutating func stoppedResponding(_ runner: RunnerID) { sleeps[runner]?.hasStoppedResponding = true }

    /// - Returns: whether the machine has to be ready afterwards; nil if the response may be without effect.
    mutating func responded(_ runner: RunnerID, now: ContinuousClock.Instant) -> Bool? {
        guard let sleep = sleeps[runner] else { return nil }
        if sleep.hasStoppedResponding || sleep.settledAt <= now { permitted = runner }
        // An engine that returns may have to load the models that calls wait for first.
        return sleep.hasStoppedResponding ? nil : sleep.settledAt <= now
    }

    /// The machine is ready again, or its runner is removed.
    mutating func ended(_ runner: RunnerID) { sleeps[runner] = nil }
}
