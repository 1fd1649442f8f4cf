public import SimpleAICore

/// Adds, changes and removes runners.
extension SchedulerState {
    /// Adds a runner in the state `unknown`; its first probe decides.
    /// - Parameter rememberedModels: its engine's list from before a restart, so that calls can wake a sleeping
    ///   machine.
    public mutating func add(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init()) {
        guard indexByID[runner.id] == nil else { return }
        reindex(append(runner, rememberedModels: rememberedModels, bootTime: bootTime))
    }

    /// Adds a record; `reindex` must follow.
    /// - Returns: its index.
    private mutating func append(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init())
        -> Int
    {
        var record = Record(
            runner, models: runner.publicModels(engineModels: rememberedModels),
            modelsAreKnown: !runner.statedModels.isEmpty || !rememberedModels.isEmpty)
        record.bootTime = bootTime
        // Indices of removed runners are reused while no call waits, because waiting calls may refer to them.
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

    /// Adds a runner, or replaces its description: calls in progress keep their slots, and the next call uses the new
    /// number of slots. A wake in progress continues.
    public mutating func put(_ runner: Runner, now: ContinuousClock.Instant) {
        change(adding: [runner], removing: [], now: now)
    }

    /// Removes a runner: it gets no more calls, calls in progress may finish, and its id is available immediately.
    public mutating func remove(_ id: RunnerID, now: ContinuousClock.Instant) {
        change(adding: [], removing: [id], now: now)
    }

    /// Adds and removes runners in one step: a call that waits for a removed runner only may then wait for an added
    /// one.
    public mutating func change(adding new: [Runner], removing old: [RunnerID], now: ContinuousClock.Instant) {
        let placed = new.compactMap { addOrUpdate($0) }
        let removed = old.compactMap { removeRecord($0, now: now) }
        guard !placed.isEmpty || !removed.isEmpty else { return }
        // Indices may have been reused, and tiers may have changed.
        candidates = CandidateLists()
        for index in placed + removed {
            reindex(index)
            updateRank(ofRunnerAt: index)
        }
        for index in placed { serveWaiters(ofRunnerAt: index, now: now) }
        for index in removed { clearIfRemoved(index) }
        reconsiderWaiters(now: now)
    }

    /// - Returns: its index; nil if the description is unchanged.
    private mutating func addOrUpdate(_ runner: Runner) -> Int? {
        guard let index = indexByID[runner.id] else { return append(runner) }
        let old = records[index].runner
        guard old != runner else { return nil }
        records[index].runner = runner
        table.replace(runner, at: index)
        if old.statedModels != runner.statedModels || old.aliases != runner.aliases {
            // The engine's own ids are translated again; the next probe refreshes the list.
            records[index].models = runner.publicModels(engineModels: Array(records[index].models.values))
        }
        return index
    }

    /// - Returns: the index that it had.
    private mutating func removeRecord(_ id: RunnerID, now: ContinuousClock.Instant) -> Int? {
        guard let index = indexByID.removeValue(forKey: id) else { return nil }
        records[index].isLeaving = true
        records[index].agent?.graceExpiresAt = nil
        records[index].agent?.connectionChanged()
        records[index].agent?.pendingSleep = nil
        agentsWithDeadline.remove(index)
        ejected.remove(index)
        runnersWithScheduledTrial.remove(index)
        abandonWake(ofRunnerAt: index, now: now)
        return index
    }

    /// Clears the record of a removed runner but keeps its index, because leases and waiters refer to indices.
    mutating func clearIfRemoved(_ index: Int) {
        if occupancy(ofRunnerAt: index).hasLeft { records[index].models = [:] }
    }
}
