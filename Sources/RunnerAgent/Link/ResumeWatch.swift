/// Detects that the machine was suspended, by comparing a clock that runs during suspension with one that does not.
enum ResumeWatch {
    private static let interval: Duration = .seconds(1)
    /// Allowance for the time between the readings of two clocks.
    private static let tolerance: Duration = .seconds(1)

    /// Calls `resumed` after each suspension, until the task is cancelled.
    static func run(_ resumed: () async -> Void) async {
        var before = (ContinuousClock.now, SuspendingClock.now)
        while !Task.isCancelled {
            // This clock stops during suspension, so the task continues soon after the machine resumes.
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
