/// The runners with a deadline, so that the passing of time visits only these.
struct RunnerDeadlines: Sendable {
    /// Runners whose machines are waking.
    private(set) var waking: Set<Int> = []
    /// Agents with a deadline.
    private(set) var agents: Set<Int> = []
    /// Runners whose engines are loading and whose next trial is scheduled.
    private(set) var trials: Set<Int> = []
    /// When to check machines for their idle time; possibly too early, never too late.
    private(set) var nextSleepCheck: ContinuousClock.Instant?

    var isEmpty: Bool { waking.isEmpty && agents.isEmpty && trials.isEmpty && nextSleepCheck == nil }

    mutating func deadlinesChanged(at index: Int, of record: SchedulerState.Record) {
        Self.set(index, in: &waking, to: record.wakes.nextDeadline != nil)
        Self.set(index, in: &agents, to: record.nextAgentDeadline != nil)
        Self.set(index, in: &trials, to: record.trials.nextAt != nil)
    }

    mutating func machineBecameIdle(sleepDueAt due: ContinuousClock.Instant) {
        nextSleepCheck = nextSleepCheck.map { min($0, due) } ?? due
    }

    /// - Returns: whether machines have to be checked for their idle time now.
    mutating func timePassed(now: ContinuousClock.Instant) -> Bool {
        guard let checkAt = nextSleepCheck, checkAt <= now else { return false }
        nextSleepCheck = nil
        return true
    }

    private static func set(_ index: Int, in runners: inout Set<Int>, to isMember: Bool) {
        if isMember { runners.insert(index) } else { runners.remove(index) }
    }
}
