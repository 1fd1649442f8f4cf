import SimpleAICore

/// Puts idle machines to sleep.
extension SchedulerState {
    /// Tracks since when the machine is idle. Only calls are activity, not probes, reports or listings.
    mutating func trackIdleTime(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].agent != nil else { return }
        let isIdle = placement[index].state == .ready && placement[index].active == 0
        records[index].agent?.sleep.activityChanged(isIdle: isIdle, now: now)
        if isIdle, let due = sleepDueAt(ofRunnerAt: index) { deadlines.machineBecameIdle(sleepDueAt: due) }
    }

    /// When the machine is put to sleep; nil if it is busy, or cannot be put to sleep and woken again.
    private func sleepDueAt(ofRunnerAt index: Int) -> ContinuousClock.Instant? {
        let (record, occupancy) = (records[index], placement[index])
        guard configuration.wakeEnabled, record.runner.canBeWoken, occupancy.state == .ready, !occupancy.isLeaving,
            occupancy.active == 0, record.load == nil
        else { return nil }
        return record.agent?.sleep.dueAt(after: configuration.sleepAfter)
    }

    mutating func sleepIdleMachines(now: ContinuousClock.Instant) {
        guard deadlines.timePassed(now: now) else { return }
        for index in records.indices {
            guard let due = sleepDueAt(ofRunnerAt: index) else { continue }
            if due <= now {
                putToSleep(index, now: now)
            } else {
                deadlines.machineBecameIdle(sleepDueAt: due)
            }
        }
    }

    /// Puts a machine to sleep. It counts as asleep immediately, so that the next call wakes it.
    mutating func putToSleep(_ index: Int, now: ContinuousClock.Instant) {
        let (request, gracePeriod) = (requests.next(), configuration.sleepGracePeriod)
        records[index].agent?.sleep.commanded(request, gracePeriod: gracePeriod, now: now)
        records[index].liveness.clearReason()
        trackDeadlines(index)
        setState(.asleep, ofRunnerAt: index)
        effects.append(.sleepMachine(records[index].runner.id, request))
        reconsiderWaiters(now: now)
    }

    /// Records why the machine did not fall asleep after the last sleep command, as its agent reports it.
    mutating func noteSleepProblem(_ problem: OperatorReason?, ofRunnerAt index: Int) {
        guard let problem, records[index].agent?.sleep.problemReported(problem) ?? false else { return }
        effects.append(.sleepFailed(records[index].runner.id, reason: problem))
    }

    /// Handles an agent's refusal of a command. If it was the sleep command, the machine is ready again, and its idle
    /// time starts anew.
    mutating func sleepCommandFailed(
        _ index: Int, _ request: CommandID, reason: OperatorReason, now: ContinuousClock.Instant
    ) {
        guard records[index].agent?.sleep.refused(request, reason) ?? false else { return }
        trackDeadlines(index)
        effects.append(.sleepFailed(records[index].runner.id, reason: reason))
        guard [.asleep, .waking].contains(placement[index].state) else { return }
        reportWakeEnded(records[index].wakes.sleepRefused(now: now), ofRunnerAt: index)
        records[index].agent?.becameReady()
        trackDeadlines(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }
}
