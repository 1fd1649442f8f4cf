public import SimpleAICore

/// Puts idle machines to sleep, and checks them before they serve again.
extension SchedulerState {
    // MARK: Falling asleep

    /// Only calls count: probes, reports and listings are not activity.
    mutating func trackIdleTime(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].agent != nil else { return }
        guard records[index].state == .ready, records[index].active == 0 else {
            records[index].agent?.idleSince = nil
            return
        }
        if records[index].agent?.idleSince == nil { records[index].agent?.idleSince = now }
        if let due = sleepIsDue(ofRunnerAt: index) { nextSleepCheck = nextSleepCheck.map { min($0, due) } ?? due }
    }

    /// Only machines that can be woken are put to sleep.
    private func sleepIsDue(ofRunnerAt index: Int) -> ContinuousClock.Instant? {
        let record = records[index]
        guard configuration.sleepAfter > .zero, let agent = record.agent, agent.isSleepable,
            configuration.wakeEnabled, record.runner.canBeWoken, record.state == .ready, !record.isLeaving,
            record.active == 0, agent.load == nil
        else { return nil }
        return agent.idleSince?.advanced(by: configuration.sleepAfter)
    }

    mutating func sleepIdleMachines(now: ContinuousClock.Instant) {
        guard let look = nextSleepCheck, look <= now else { return }
        nextSleepCheck = nil
        for index in records.indices {
            guard let due = sleepIsDue(ofRunnerAt: index) else { continue }
            if due <= now {
                putToSleep(index, now: now)
            } else {
                nextSleepCheck = nextSleepCheck.map { min($0, due) } ?? due
            }
        }
    }

    /// Puts a machine to sleep. It counts as asleep at once: a call that arrives a moment later wakes it.
    mutating func putToSleep(_ index: Int, now: ContinuousClock.Instant) {
        let request = makeRequest()
        let order = AgentState.PendingSleep(
            request: request, settledAt: now.advanced(by: configuration.sleepGracePeriod))
        records[index].agent?.pendingSleep = order
        records[index].agent?.sleepProblem = nil
        records[index].liveness.clearReason()
        trackDeadline(index)
        setState(.asleep, ofRunnerAt: index)
        effects.append(.sleepMachine(records[index].runner.id, request))
        reconsiderWaiters(now: now)
    }

    /// The agent states why its machine did not fall asleep after the last command to.
    mutating func noteSleepProblem(_ problem: OperatorReason?, ofRunnerAt index: Int) {
        guard let problem, records[index].agent?.sleepProblem != problem else { return }
        records[index].agent?.sleepProblem = problem
        effects.append(.sleepFailed(records[index].runner.id, reason: problem))
    }

    /// The agent refuses the command to sleep: the machine serves as before until it has been idle for as long again.
    mutating func sleepWasRefused(_ index: Int, reason: OperatorReason, now: ContinuousClock.Instant) {
        records[index].agent?.pendingSleep = nil
        records[index].agent?.sleepProblem = reason
        effects.append(.sleepFailed(records[index].runner.id, reason: reason))
        guard [.asleep, .waking].contains(records[index].state) else { return }
        endWake(ofRunnerAt: index, succeeded: true, learns: false, now: now)
        records[index].agent?.becameReady()
        trackDeadline(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    // MARK: Returning from sleep

    /// A machine that was asleep has to show that its engine works before it gets calls: one token of a model in
    /// memory.
    /// - Returns: true while the result is pending.
    mutating func isHeldForCheck(_ index: Int, now: ContinuousClock.Instant) -> Bool {
        guard let agent = records[index].agent, agent.needsCheck, configuration.checksAfterSleep else { return false }
        switch agent.check {
        case .underWay?, .again?: return true
        case nil: return beginCheck(ofRunnerAt: index, now: now)
        }
    }

    private mutating func beginCheck(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        guard let agent = records[index].agent, let engineModel = modelToCheck(ofRunnerAt: index) else { return false }
        let request = makeRequest()
        var changed = agent
        changed.check = .underWay(request)
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
        _ id: RunnerID, _ request: RunnerRequest, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id], records[index].agent?.check == .underWay(request) else { return }
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
        records[index].agent?.check = .again(at: now.advanced(by: .seconds(1 << failures)))
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
        guard case .again(let at)? = records[index].agent?.check, at <= now else { return }
        records[index].agent?.check = nil
        guard [.waking, .down, .checking].contains(records[index].state) else { return }
        if !beginCheck(ofRunnerAt: index, now: now) { checkPassed(index, now: now) }
    }

    /// A GPU that is missing after sleep causes a warning, and no calls are sent.
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
