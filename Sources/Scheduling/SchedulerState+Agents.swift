public import SimpleAICore

/// Handles connections and reports of runner agents.
extension SchedulerState {
    /// Adds a machine whose agent was registered before the gateway restarted. Unless the agent reconnects within the
    /// grace period, the machine counts as asleep or lost.
    public mutating func addAgent(
        _ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init(),
        now: ContinuousClock.Instant
    ) {
        guard index(of: runner.id) == nil else { return }
        add(runner, rememberedModels: rememberedModels, bootTime: bootTime)
        guard let index = index(of: runner.id) else { return }
        var agent = agentState(ofRunnerAt: index)
        agent.liveness.restored(gracePeriod: configuration.gracePeriod, now: now)
        records[index].agent = agent
        trackDeadlines(index)
        reindex(index)
    }

    /// Handles the registration of an agent, for the first time or again: commands sent over a previous connection are
    /// void. Call `put` before, and `agentReported` with its status after.
    public mutating func agentConnected(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = index(of: id) else { return }
        records[index].agentConnected(agentState(ofRunnerAt: index))
        if placement[index].state == .checking { setState(.unknown, ofRunnerAt: index) }
        trackDeadlines(index)
        reindex(index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    /// Handles a status from a registration, a heartbeat, an update or the response to a command.
    public mutating func agentReported(_ id: RunnerID, _ report: RunnerReport, now: ContinuousClock.Instant) {
        guard let index = index(of: id) else { return }
        guard records[index].sleep.statusReported(report, now: now) else { return }
        let isNew = records[index].agent == nil
        var agent = agentState(ofRunnerAt: index)
        agent.liveness.connected()
        let loadedChanged = agent.loads.statusReported(report) || isNew
        records[index].agent = agent
        defer { noteSleepProblem(report.sleepProblem, ofRunnerAt: index) }
        if loadedChanged { reindex(index) }
        trackDeadlines(index)
        defer { statusApplied(onRunnerAt: index, now: now) }
        let slotsChanged = setSlots(report.slots, ofRunnerAt: index)
        let hasLostGPU = hasLostItsGPU(index, report)
        guard report.admitsCalls, !hasLostGPU else {
            return agentRefused(
                index, isStarting: report.isStarting && !hasLostGPU, didChange: loadedChanged || slotsChanged,
                hasLostGPU ? Self.missingGPU : report.reason ?? "its agent reports no healthy engine", now: now)
        }
        guard let didChange = learn(report.models.map(\.engineID), ofRunnerAt: index) else { return }
        if placement[index].state != .ready, startCheckIfNeeded(index, now: now) {
            if didChange { reconsiderWaiters(now: now) }
            return
        }
        markReady(
            index, didChange: didChange || slotsChanged || loadedChanged,
            reason: report.models.isEmpty ? "its agent lists no models" : nil, now: now)
    }

    /// Handles an agent's connection that was closed or timed out. The runner gets no new calls; calls in progress
    /// continue on their own connections. Unless the agent reports within the grace period, the machine counts as
    /// asleep or lost.
    /// - Parameter reason: how the connection ended, for the operator.
    public mutating func agentDisconnected(
        _ id: RunnerID, reason: OperatorReason = "its agent's connection is closed", now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id), records[index].agent != nil else { return }
        assess(.disconnected, reason: reason, ofRunnerAt: index, now: now)
        let gracePeriod = placement[index].state == .unknown ? configuration.gracePeriod : nil
        records[index].agentDisconnected(gracePeriod: gracePeriod, now: now)
        trackDeadlines(index)
        reindex(index)
        reconsiderWaiters(now: now)
    }

    /// Handles the result of a `loadModel`, `unloadModel` or `sleepMachine`. Results of outdated requests are ignored.
    /// - Parameter failure: nil if the agent or the gateway executed the command, or the agent is about to; otherwise
    ///   the reason, for the operator.
    public mutating func commandCompleted(
        _ id: RunnerID, _ request: CommandID, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id) else { return }
        sleepCommandCompleted(index, request, failure: failure.map { OperatorReason($0) }, now: now)
        loadCommandCompleted(index, request, failure: failure, now: now)
    }

    /// Handles a report that no engine serves. While a machine boots, an engine that is still starting is normal.
    /// - Parameter didChange: whether its models in memory or its slots have changed: an engine that is loading may be
    ///   on trial, and able to serve a call that waits.
    private mutating func agentRefused(
        _ index: Int, isStarting: Bool, didChange: Bool, _ reason: OperatorReason, now: ContinuousClock.Instant
    ) {
        records[index].agent?.check.engineRefused()
        trackDeadlines(index)
        let evidence: Liveness.Evidence = isStarting ? .loading(.probe) : .refused
        let stateChanged = assess(evidence, reason: reason, ofRunnerAt: index, now: now)
        if didChange { serveWaiters(ofRunnerAt: index, now: now) }
        if didChange || stateChanged { reconsiderWaiters(now: now) }
    }

    /// The runner's agent state; if it has none yet, a new one that contains its calls in progress.
    private func agentState(ofRunnerAt index: Int) -> AgentState {
        if let agent = records[index].agent { return agent }
        var agent = AgentState()
        for model in leases.engineModels(onRunnerAt: index) { agent.loads.callBegan(on: model, number: 0) }
        return agent
    }

    /// - Returns: whether the number has changed.
    private mutating func setSlots(_ slots: Int, ofRunnerAt index: Int) -> Bool {
        let runner = records[index].runner.with(slots: slots)
        guard records[index].runner != runner else { return false }
        records[index].descriptionChanged(runner)
        placement.descriptionChanged(runner, at: index)
        return true
    }

    /// Handles an agent's deadlines.
    mutating func advanceAgent(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        if records[index].agent?.liveness.timePassed(now: now) ?? false {
            if assess(.graceExpired, ofRunnerAt: index, now: now) { reconsiderWaiters(now: now) }
        }
        let isConnected = records[index].agent?.liveness.isConnected ?? false
        records[index].sleep.timePassed(isConnected: isConnected, now: now)
        repeatCheck(ofRunnerAt: index, now: now)
        expireLoad(onRunnerAt: index, now: now)
        trackDeadlines(index)
    }
}
