public import SimpleAICore

/// Runners that come and go.
extension SchedulerState {
    /// Makes a runner known; its first probe decides whether it is there.
    /// - Parameters:
    ///   - rememberedModels: its engine's list from before a restart, so that a sleeping machine can be found.
    public mutating func add(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init()) {
        guard indexByID[runner.id] == nil else { return }
        reindex(append(runner, rememberedModels: rememberedModels, bootTime: bootTime))
    }

    /// To be followed by `reindex`.
    /// - Returns: its place.
    private mutating func append(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init())
        -> Int
    {
        var record = Record(
            runner, models: runner.publicModels(engineModels: rememberedModels),
            modelsAreKnown: !runner.statedModels.isEmpty || !rememberedModels.isEmpty)
        record.bootTime = bootTime
        // Places of runners that are gone are used again when nobody waits who may have noted one.
        if queue.count == 0, let free = records.firstIndex(where: { $0.isLeaving && $0.active == 0 }) {
            records[free] = record
            table.replace(runner, at: free)
            indexByID[runner.id] = free
            return free
        }
        records.append(record)
        table.add(runner)
        indexByID[runner.id] = records.count - 1
        return records.count - 1
    }

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
        // Places of runners may be used again, and tiers may differ.
        candidates = CandidateLists()
        for index in placed + removed {
            reindex(index)
            updateRank(ofRunnerAt: index)
        }
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
        tried.remove(index)
        abandonWake(ofRunnerAt: index, now: now)
        return index
    }

    /// Indices stand in leases and waiters, so a record that is gone keeps its place, empty.
    mutating func forgetIfGone(_ index: Int) {
        if occupancy(ofRunnerAt: index).isGone { records[index].models = [:] }
    }
}
