import SimpleAICore

/// Ejects runners that keep failing, and puts them on trial afterwards.
extension SchedulerState {
    /// Ejects the runner after a failed call if the policy requires it.
    mutating func ejectIfDue(_ index: Int, now: ContinuousClock.Instant) {
        guard placement.requiresEjection(at: index, configuration.ejection) else { return }
        let duration = placement.runnerEjected(at: index, configuration.ejection, now: now)
        effects.append(.ejected(records[index].runner.id, for: duration))
    }

    /// Puts the runner on trial after its ejection: one call, whose outcome decides.
    mutating func endEjection(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        if placement.timePassed(at: index, now: now) { serveWaiters(ofRunnerAt: index, now: now) }
    }
}
