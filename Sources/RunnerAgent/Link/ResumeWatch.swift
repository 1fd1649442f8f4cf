/// Notices that the machine was suspended: a clock that goes on meanwhile has then run ahead of one that does not.
enum ResumeWatch {
    private static let interval: Duration = .seconds(1)
    /// Two readings of clocks are never taken at the same instant.
    private static let tolerance: Duration = .seconds(1)

    /// Calls `resumed` after each suspension, until it is cancelled.
    static func run(_ resumed: () async -> Void) async {
        var before = (ContinuousClock.now, SuspendingClock.now)
        while !Task.isCancelled {
            // A clock that stands still during the suspension: this wakes up when the machine does.
            try? await Task.sleep(for: interval, clock: .suspending)
            let now = (ContinuousClock.now, SuspendingClock.now)
            if wasSuspended(passed: now.0 - before.0, awake: now.1 - before.1) {
                await resumed()
                before = (.now, .now)
            } else {
                before = now
            }
        }
    }

    static func wasSuspended(passed: Duration, awake: Duration) -> Bool { passed - awake > tolerance }
}
