public import SimpleAICore

/// Adds, changes and removes runners.
extension SchedulerState {
    /// Adds a runner in the state `unknown`; its first probe decides.
    /// - Parameter rememberedModels: its engine's list from before a restart, so that calls can wake a sleeping
    ///   machine.
    public mutating func add(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init()) {
        guard index(of: runner.id) == nil else { return }
        reindex(append(runner, rememberedModels: rememberedModels, bootTime: bootTime))
    }

    /// Adds a record; `reindex` must follow.
    /// - Returns: its index.
    private mutating func append(_ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init())
        -> Int
    {
        let record = Record(runner, rememberedModels: rememberedModels, bootTime: bootTime)
        // Indices of removed runners are reused while no call waits, because waiting calls may refer to them.
        let index = placement.runnerAdded(runner, mayReuseIndex: queue.count == 0)
        if index < records.count { records[index] = record } else { records.append(record) }
        return index
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
        for index in placed + removed { reindex(index) }
        for index in placed {
            serveWaiters(ofRunnerAt: index, now: now)
            // The settings may state for the first time how the machine is put to sleep.
            trackIdleTime(ofRunnerAt: index, now: now)
        }
        for index in removed { clearIfRemoved(index) }
        reconsiderWaiters(now: now)
    }

    /// - Returns: its index; nil if the description is unchanged.
    private mutating func addOrUpdate(_ runner: Runner) -> Int? {
        guard let index = index(of: runner.id) else { return append(runner) }
        guard records[index].runner != runner else { return nil }
        records[index].descriptionChanged(runner)
        placement.descriptionChanged(runner, at: index)
        return index
    }

    /// - Returns: the index that it had.
    private mutating func removeRecord(_ id: RunnerID, now: ContinuousClock.Instant) -> Int? {
        guard let index = placement.runnerRemoved(id) else { return nil }
        records[index].removed()
        trackDeadlines(index)
        if let ended = records[index].wakes.runnerRemoved(now: now) {
            reportWakeEnded(ended, ofRunnerAt: index)
            setState(.lost, ofRunnerAt: index)
        }
        return index
    }

    /// Clears the record of a removed runner but keeps its index, because leases and waiters refer to indices.
    mutating func clearIfRemoved(_ index: Int) {
        if placement[index].hasLeft { records[index].left() }
    }
}
