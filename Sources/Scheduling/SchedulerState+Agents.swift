public import SimpleAICore

/// Runners whose agents dial in: what their connections and reports tell.
extension SchedulerState {
    /// Makes known a machine from before a restart. It dials in again by itself, or counts as gone after the grace.
    public mutating func addAgent(
        _ runner: Runner, rememberedModels: [String] = [], bootTime: BootTime = .init(), now: ContinuousClock.Instant
    ) {
        guard indexByID[runner.id] == nil else { return }
        add(runner, rememberedModels: rememberedModels, bootTime: bootTime)
        guard let index = indexByID[runner.id] else { return }
        var agent = AgentState()
        agent.goneAt = now.advanced(by: configuration.grace)
        records[index].agent = agent
        attended.insert(index)
        rebuildIndex()
    }

    /// An agent has registered, for the first time or anew: a connection that it may have had before is history, and
    /// with it whatever was asked over it. Call `put` before, and `agentReported` with its status after.
    public mutating func agentConnected(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        var agent = records[index].agent ?? AgentState()
        agent.goneAt = nil
        records[index].agent = agent
        attend(index)
    }

    /// A status, from a registration, a heartbeat, an update or the answer to a command.
    public mutating func agentReported(_ id: RunnerID, _ report: RunnerReport, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        var agent = records[index].agent ?? AgentState()
        agent.goneAt = nil
        agent.isSleepable = report.isSleepable
        agent.residency.replace(by: report)
        records[index].agent = agent
        attend(index)
        let slotsChanged = setSlots(report.slots, ofRunnerAt: index)
        guard report.admitsCalls else { return agentRefused(index, isStarting: report.isStarting, now: now) }
        heard(index, engineModels: report.models.map(\.engineID), now: now)
        if slotsChanged { reconsiderWaiters(now: now) }
    }

    /// The agent's connection is closed, or nothing came over it for too long. It gets no new calls; calls under way
    /// follow their own connections. After the grace it counts as asleep or lost, unless it reports before.
    public mutating func agentDisconnected(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = indexByID[id], records[index].agent != nil else { return }
        switch records[index].state {
        case .ready, .unknown, .down:
            let goneAt = now.advanced(by: configuration.grace)
            records[index].agent?.goneAt = goneAt
            setState(.unknown, ofRunnerAt: index)
        case .asleep, .waking, .wakeFailed, .lost: break
        }
        attend(index)
        reconsiderWaiters(now: now)
    }

    /// While a machine boots, an engine that is not there yet is normal.
    private mutating func agentRefused(_ index: Int, isStarting: Bool, now: ContinuousClock.Instant) {
        guard records[index].state != .waking else { return }
        setState(isStarting ? .unknown : .down, ofRunnerAt: index)
        reconsiderWaiters(now: now)
    }

    /// - Returns: whether there are more or fewer than before.
    private mutating func setSlots(_ slots: Int, ofRunnerAt index: Int) -> Bool {
        let runner = records[index].runner.with(slots: slots)
        guard records[index].runner != runner else { return false }
        records[index].runner = runner
        updateRank(ofRunnerAt: index)
        return true
    }

    mutating func attend(_ index: Int) {
        if records[index].agent?.nextDeadline == nil { attended.remove(index) } else { attended.insert(index) }
    }

    /// An agent's deadlines.
    mutating func advanceAgent(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        if let goneAt = records[index].agent?.goneAt, goneAt <= now {
            records[index].agent?.goneAt = nil
            if records[index].state == .unknown {
                let state: RunnerState = records[index].runner.canBeWoken ? .asleep : .lost
                setState(state, ofRunnerAt: index)
                reconsiderWaiters(now: now)
            }
        }
        attend(index)
    }
}
