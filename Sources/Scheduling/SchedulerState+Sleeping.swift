public import SimpleAICore

/// Puts idle machines to sleep, and checks them before they serve again.
extension SchedulerState {
    // MARK: Falling asleep

    /// Tracks since when the machine is idle. Only calls are activity, not probes, reports or listings.
    mutating func trackIdleTime(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].agent != nil else { return }
        guard records[index].state == .ready, records[index].active == 0 else {
            records[index].agent?.idleSince = nil
            return
        }
        if records[index].agent?.idleSince == nil { records[index].agent?.idleSince = now }
        if let due = sleepDueAt(ofRunnerAt: index) { nextSleepCheck = nextSleepCheck.map { min($0, due) } ?? due }
    }

    /// When the machine is put to sleep; nil if it is busy, or cannot be put to sleep and woken again.
    private func sleepDueAt(ofRunnerAt index: Int) -> ContinuousClock.Instant? {
        let record = records[index]
        guard configuration.sleepAfter > .zero, let agent = record.agent, agent.isSleepable,
            configuration.wakeEnabled, record.runner.canBeWoken, record.state == .ready, !record.isLeaving,
            record.active == 0, agent.load == nil
        else { return nil }
        return agent.idleSince?.advanced(by: configuration.sleepAfter)
    }

    mutating func sleepIdleMachines(now: ContinuousClock.Instant) {
        guard let checkAt = nextSleepCheck, checkAt <= now else { return }
        nextSleepCheck = nil
        for index in records.indices {
            guard let due = sleepDueAt(ofRunnerAt: index) else { continue }
            if due <= now {
                putToSleep(index, now: now)
            } else {
                nextSleepCheck = nextSleepCheck.map { min($0, due) } ?? due
            }
        }
    }

    /// Puts a machine to sleep. It counts as asleep immediately, so that the next call wakes it.
    mutating func putToSleep(_ index: Int, now: ContinuousClock.Instant) {
        let request = makeCommandID()
        let pending = AgentState.PendingSleep(
            request: request, settledAt: now.advanced(by: configuration.sleepGracePeriod))
        records[index].agent?.pendingSleep = pending
        records[index].agent?.sleepProblem = nil
        records[index].liveness.clearReason()
        trackDeadline(index)
        setState(.asleep, ofRunnerAt: index)
        effects.append(.sleepMachine(records[index].runner.id, request))
        reconsiderWaiters(now: now)
    }

    /// Records why the machine did not fall asleep after the last sleep command, as its agent reports it.
    mutating func noteSleepProblem(_ problem: OperatorReason?, ofRunnerAt index: Int) {
        guard let problem, records[index].agent?.sleepProblem != problem else { return }
        records[index].agent?.sleepProblem = problem
        effects.append(.sleepFailed(records[index].runner.id, reason: problem))
    }

    /// Handles an agent's refusal of a sleep command: the machine is ready again, and its idle time starts anew.
    mutating func sleepWasRefused(_ index: Int, reason: OperatorReason, now: ContinuousClock.Instant) {
        records[index].agent?.pendingSleep = nil
        records[index].agent?.sleepProblem = reason
        effects.append(.sleepFailed(records[index].runner.id, reason: reason))
        guard [.asleep, .waking].contains(records[index].state) else { return }
        endWake(ofRunnerAt: index, succeeded: true, recordsBootTime: false, now: now)
        records[index].agent?.becameReady()
        trackDeadline(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    // MARK: Returning from sleep

    /// Checks the engine of a machine that was asleep before it gets calls: it has to generate one token with a model
    /// in memory.
    /// - Returns: whether the result is pending.
    mutating func startCheckIfNeeded(_ index: Int, now: ContinuousClock.Instant) -> Bool {
        guard let agent = records[index].agent, agent.needsCheck, configuration.checksAfterSleep else { return false }
        switch agent.check {
        case .inProgress?, .retry?: return true
        case nil: return beginCheck(ofRunnerAt: index, now: now)
        }
    }

    private mutating func beginCheck(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        guard let agent = records[index].agent, let engineModel = modelToCheck(ofRunnerAt: index) else { return false }
        let request = makeCommandID()
        var changed = agent
        changed.check = .inProgress(request)
        records[index].agent = changed
        effects.append(.checkRunner(records[index].runner.id, engineModel: engineModel, request))
        if records[index].wake == nil, records[index].state != .down {
            assess(.checkStarted, reason: "its engine is checked after the sleep", ofRunnerAt: index, now: now)
            reconsiderWaiters(now: now)
        }
        trackDeadline(index)
        return true
    }

    /// Prefers a model that calls wait for; nil if none is loaded, because a check would have to wait for a load.
    private func modelToCheck(ofRunnerAt index: Int) -> EngineModelID? {
        let record = records[index]
        let loaded = record.models.filter { record.hasLoaded($0.key) }.sorted { $0.key < $1.key }
        let wanted = loaded.first { model, _ in queue.contains { $0.request.models.contains(model) } }
        return (wanted ?? loaded.first)?.value
    }

    /// Handles the result of a `checkRunner`.
    /// - Parameter failure: nil if the engine responded correctly; otherwise the reason, for the operator.
    public mutating func checkCompleted(
        _ id: RunnerID, _ request: CommandID, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id], records[index].agent?.check == .inProgress(request) else { return }
        guard let failure else {
            records[index].agent?.becameReady()
            trackDeadline(index)
            return checkPassed(index, now: now)
        }
        checkFailed(index, failure, now: now)
    }

    /// Schedules the next check after 2, 4, 8, … up to 64 seconds.
    private mutating func checkFailed(_ index: Int, _ reason: String, now: ContinuousClock.Instant) {
        let failures = min((records[index].agent?.failedChecks ?? 0) + 1, 6)
        records[index].agent?.failedChecks = failures
        records[index].agent?.check = .retry(at: now.advanced(by: .seconds(1 << failures)))
        trackDeadline(index)
        effects.append(.checkFailed(records[index].runner.id, reason: reason))
        guard records[index].wake == nil else { return }
        assess(.checkFailed, reason: OperatorReason(reason), ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
    }

    private mutating func checkPassed(_ index: Int, now: ContinuousClock.Instant) {
        guard let didChange = learn(nil, ofRunnerAt: index) else { return }
        markReady(index, didChange: didChange, now: now)
    }

    mutating func repeatCheck(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard case .retry(let at)? = records[index].agent?.check, at <= now else { return }
        records[index].agent?.check = nil
        guard [.waking, .down, .checking].contains(records[index].state) else { return }
        if !beginCheck(ofRunnerAt: index, now: now) { checkPassed(index, now: now) }
    }

    /// Whether the GPU is missing after a sleep: the machine gets no calls, and the operator is warned once.
    mutating func hasLostItsGPU(_ index: Int, _ report: RunnerReport) -> Bool {
        if report.hasGPU == true { records[index].agent?.hadGPU = true }
        guard let agent = records[index].agent, agent.needsCheck, configuration.checksAfterSleep else { return false }
        guard agent.hadGPU, report.hasGPU == false else { return false }
        if agent.failedChecks == 0 {
            records[index].agent?.failedChecks = 1
            effects.append(.checkFailed(records[index].runner.id, reason: Self.missingGPU.description))
        }
        return true
    }

    static var missingGPU: OperatorReason { "its GPU is no longer available" }
}
