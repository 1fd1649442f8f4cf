public import SimpleAICore

/// Runners that fail call after call, and runners that leave.
extension SchedulerState {
    /// It has passed its trial.
    mutating func readmit(_ index: Int) {
        ejected.remove(index)
        effects.append(.readmitted(records[index].runner.id))
    }

    /// After a call that failed.
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

    /// After its rest a runner gets one call; what becomes of that decides.
    mutating func endEjection(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let until = records[index].health.ejectedUntil, until <= now else { return }
        records[index].health.beginTrial()
        updateRank(ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
    }

    // MARK: Coming and going

    /// Makes a runner known, or replaces its description: calls under way keep their slots, the next one sees the new
    /// number of them. A runner whose machine is being woken goes on being woken.
    public mutating func put(_ runner: Runner, now: ContinuousClock.Instant) {
        change(placing: [runner], removing: [], now: now)
    }

    /// No more calls for this runner; those that it serves go on to their end. Its name is free at once.
    public mutating func remove(_ id: RunnerID, now: ContinuousClock.Instant) {
        change(placing: [], removing: [id], now: now)
    }

    /// Some come and some go, in one step: who waits for one that goes, and has nobody else, may wait for one that comes.
    public mutating func change(placing new: [Runner], removing old: [RunnerID], now: ContinuousClock.Instant) {
        let placed = new.compactMap { describe($0) }
        let removed = old.compactMap { dismiss($0, now: now) }
        guard !placed.isEmpty || !removed.isEmpty else { return }
        rebuildIndex()
        for index in placed + removed { updateRank(ofRunnerAt: index) }
        for index in placed { serveWaiters(ofRunnerAt: index, now: now) }
        for index in removed { forgetIfGone(index) }
        reconsiderWaiters(now: now)
    }

    /// - Returns: its place; nil when nothing about it is new.
    private mutating func describe(_ runner: Runner) -> Int? {
        guard let index = indexByID[runner.id] else { return append(runner) }
        let old = records[index].runner
        guard old != runner else { return nil }
        records[index].runner = runner
        table.replace(runner, at: index)
        if old.statedModels != runner.statedModels || old.aliases != runner.aliases {
            // The engine's list is known by its own names; the next probe brings it again.
            records[index].models = runner.publicModels(engineModels: Array(records[index].models.values))
        }
        return index
    }

    /// - Returns: the place that it had.
    private mutating func dismiss(_ id: RunnerID, now: ContinuousClock.Instant) -> Int? {
        guard let index = indexByID.removeValue(forKey: id) else { return nil }
        records[index].isLeaving = true
        records[index].agent?.goneAt = nil
        records[index].agent?.connectionChanged()
        attended.remove(index)
        ejected.remove(index)
        abandonWake(ofRunnerAt: index, now: now)
        return index
    }

    /// Indices stand in leases and waiters, so a record that is gone keeps its place, empty.
    mutating func forgetIfGone(_ index: Int) {
        if occupancy(ofRunnerAt: index).isGone { records[index].models = [:] }
    }
}
