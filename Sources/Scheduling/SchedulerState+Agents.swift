public import SimpleAICore

/// Handles connections and reports of runner agents.
extension SchedulerState {
    /// Adds a machine from before a restart. Its agent reconnects, or it counts as asleep or lost after the grace
    /// period.
    public mutating func addAgent(
        _ runner: Runner, rememberedModels: [EngineModelID] = [], bootTime: BootTime = .init(),
        now: ContinuousClock.Instant
    ) {
        guard indexByID[runner.id] == nil else { return }
        add(runner, rememberedModels: rememberedModels, bootTime: bootTime)
        guard let index = indexByID[runner.id] else { return }
        var agent = agentState(ofRunnerAt: index)
        agent.graceExpiresAt = now.advanced(by: configuration.gracePeriod)
        records[index].agent = agent
        agentsWithDeadline.insert(index)
        reindex(index)
    }

    /// An agent has registered, for the first time or again: commands sent over a previous connection are void. Call
    /// `put` before, and `agentReported` with its status after.
    public mutating func agentConnected(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        var agent = agentState(ofRunnerAt: index)
        agent.graceExpiresAt = nil
        agent.isConnected = true
        agent.connectionChanged()
        agent.pendingSleep = nil
        records[index].agent = agent
        if records[index].state == .checking { setState(.unknown, ofRunnerAt: index) }
        trackDeadline(index)
        reindex(index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    /// Handles a status from a registration, a heartbeat, an update or the response to a command.
    public mutating func agentReported(_ id: RunnerID, _ report: RunnerReport, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        if let order = records[index].agent?.pendingSleep {
            guard now >= order.settledAt else { return }
            records[index].agent?.pendingSleep = nil
        }
        let hadLoaded = records[index].agent?.residency.loaded
        var agent = agentState(ofRunnerAt: index)
        agent.graceExpiresAt = nil
        agent.isConnected = true
        agent.isSleepable = report.isSleepable
        agent.residency.replace(by: report)
        records[index].agent = agent
        defer { noteSleepProblem(report.sleepProblem, ofRunnerAt: index) }
        if hadLoaded != agent.residency.loaded { reindex(index) }
        trackDeadline(index)
        defer { finishLoadIfLoaded(onRunnerAt: index, now: now) }
        let slotsChanged = setSlots(report.slots, ofRunnerAt: index)
        let isBlind = hasLostItsGPU(index, report)
        guard report.admitsCalls, !isBlind else {
            return agentRefused(
                index, isStarting: report.isStarting && !isBlind,
                isBlind ? Self.missingGPU : report.reason ?? "its agent reports no healthy engine", now: now)
        }
        guard let didChange = learn(report.models.map(\.engineID), ofRunnerAt: index) else { return }
        if records[index].state != .ready, isHeldForCheck(index, now: now) {
            if didChange { reconsiderWaiters(now: now) }
            return
        }
        markReady(
            index, didChange: didChange || slotsChanged || hadLoaded != agent.residency.loaded,
            reason: report.models.isEmpty ? "its agent lists no models" : nil, now: now)
    }

    /// The agent's connection is closed, or was silent for too long. It gets no new calls; calls in progress
    /// follow their own connections. After the grace it counts as asleep or lost, unless it reports before.
    /// - Parameter reason: how the connection ended, for the operator.
    public mutating func agentDisconnected(
        _ id: RunnerID, reason: OperatorReason = "its agent's connection is closed", now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id], records[index].agent != nil else { return }
        assess(.disconnected, reason: reason, ofRunnerAt: index, now: now)
        let graceExpiresAt = now.advanced(by: configuration.gracePeriod)
        if records[index].state == .unknown { records[index].agent?.graceExpiresAt = graceExpiresAt }
        records[index].agent?.isConnected = false
        records[index].agent?.connectionChanged()
        trackDeadline(index)
        reindex(index)
        reconsiderWaiters(now: now)
    }

    /// Handles the result of a `loadModel`, `unloadModel` or `sleepMachine`. Outdated numbers change nothing.
    /// - Parameter failure: nil if it was done, or is about to be; otherwise the reason, for the operator.
    public mutating func commandCompleted(
        _ id: RunnerID, _ request: RunnerRequest, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id], let agent = records[index].agent else { return }
        // A machine that falls asleep takes its connection along, and has not refused to.
        if agent.isConnected, agent.pendingSleep?.request == request, let failure {
            sleepWasRefused(index, reason: OperatorReason(failure), now: now)
        }
        loadCompleted(index, request, failure: failure, now: now)
    }

    /// While a machine boots, an engine that is not there yet is normal.
    private mutating func agentRefused(
        _ index: Int, isStarting: Bool, _ reason: OperatorReason, now: ContinuousClock.Instant
    ) {
        records[index].agent?.check = nil
        trackDeadline(index)
        if assess(isStarting ? .loading(.probe) : .refused, reason: reason, ofRunnerAt: index, now: now) {
            reconsiderWaiters(now: now)
        }
    }

    /// The agent state of a runner that had none, with its calls in progress.
    private func agentState(ofRunnerAt index: Int) -> AgentState {
        if let agent = records[index].agent { return agent }
        var agent = AgentState()
        for model in leases.engineModels(onRunnerAt: index) { agent.residency.callBegan(on: model, number: 0) }
        return agent
    }

    /// - Returns: whether the number has changed.
    private mutating func setSlots(_ slots: Int, ofRunnerAt index: Int) -> Bool {
        let runner = records[index].runner.with(slots: slots)
        guard records[index].runner != runner else { return false }
        records[index].runner = runner
        updateRank(ofRunnerAt: index)
        return true
    }

    mutating func trackDeadline(_ index: Int) {
        if records[index].agent?.nextDeadline == nil {
            agentsWithDeadline.remove(index)
        } else {
            agentsWithDeadline.insert(index)
        }
    }

    /// Handles an agent's deadlines.
    mutating func advanceAgent(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        if let graceExpiresAt = records[index].agent?.graceExpiresAt, graceExpiresAt <= now {
            records[index].agent?.graceExpiresAt = nil
            if assess(.graceExpired, ofRunnerAt: index, now: now) { reconsiderWaiters(now: now) }
        }
        if let agent = records[index].agent, !agent.isConnected, let order = agent.pendingSleep, order.settledAt <= now
        {
            records[index].agent?.pendingSleep = nil
        }
        repeatCheck(ofRunnerAt: index, now: now)
        expireLoad(onRunnerAt: index, now: now)
        trackDeadline(index)
    }
}
