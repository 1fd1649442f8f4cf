import SimpleAICore

/// Ejection and readmission of runners that keep failing.
extension SchedulerState {
    /// Returns a runner to service after a successful trial.
    mutating func readmit(_ index: Int) {
        ejected.remove(index)
        effects.append(.readmitted(records[index].runner.id))
    }

    /// Ejects the runner after a failed call if the policy requires it.
    mutating func ejectIfDue(_ index: Int, now: ContinuousClock.Instant) {
        if !records[index].isLeaving, shouldEject(index) { eject(index, now: now) }
    }

    private func shouldEject(_ index: Int) -> Bool {
        let health = records[index].health
        if health.isOnTrial { return true }
        guard health.isInService, configuration.ejection.failures > 0,
            health.failuresInARow >= configuration.ejection.failures
        else { return false }
        let ready = records.count { $0.state == .ready && !$0.isLeaving }
        return Double(ejected.count + 1) <= configuration.ejection.maxShare * Double(ready)
    }

    private mutating func eject(_ index: Int, now: ContinuousClock.Instant) {
        let time = configuration.ejection.duration(ofEjection: records[index].health.ejectionsInARow + 1)
        records[index].health.eject(until: now.advanced(by: time))
        ejected.insert(index)
        effects.append(.ejected(records[index].runner.id, for: time))
    }

    /// Puts the runner on trial after its ejection: one call, whose outcome decides.
    mutating func endEjection(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let until = records[index].health.ejectedUntil, until <= now else { return }
        records[index].health.beginTrial()
        updateRank(ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
    }
}
