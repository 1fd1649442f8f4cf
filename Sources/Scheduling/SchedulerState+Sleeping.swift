import SimpleAICore

/// Puts idle machines to sleep.
extension SchedulerState {
    // MARK: Whether and when

    /// Why a machine is not put to sleep now, whether it is idle or an operator requests it.
    enum SleepObstacle: Hashable {
        case notReady
        /// Nothing can put it to sleep.
        case noMethod
        case cannotBeWoken
        case calls(Int)
        case modelLoad
        case trial
    }

    /// The only place that decides whether a machine may be put to sleep.
    func sleepObstacle(ofRunnerAt index: Int) -> SleepObstacle? {
        let occupancy = placement[index]
        guard occupancy.state == .ready, !occupancy.isLeaving else { return .notReady }
        guard records[index].sleep.isSleepable else { return .noMethod }
        guard configuration.wakeEnabled, records[index].runner.canBeWoken else { return .cannotBeWoken }
        guard occupancy.active == 0 else { return .calls(occupancy.active) }
        guard records[index].load == nil else { return .modelLoad }
        // A machine that has slept starts without its failures: the next call decides first.
        return occupancy.outliers.isOnTrial ? .trial : nil
    }

    /// Tracks since when the machine is idle. Only calls are activity, not probes, reports or listings.
    mutating func trackIdleTime(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].sleep.isSleepable else { return }
        let isIdle = placement[index].state == .ready && placement[index].active == 0
        records[index].sleep.activityChanged(isIdle: isIdle, now: now)
        if isIdle, let due = sleepDueAt(ofRunnerAt: index) { deadlines.machineBecameIdle(sleepDueAt: due) }
    }

    /// When the machine is put to sleep; nil if it is busy, or cannot be put to sleep and woken again.
    private func sleepDueAt(ofRunnerAt index: Int) -> ContinuousClock.Instant? {
        guard let due = records[index].sleep.dueAt(after: configuration.sleepAfter),
            sleepObstacle(ofRunnerAt: index) == nil
        else { return nil }
        return due
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

    // MARK: One sleep

    /// Puts a machine to sleep. It counts as asleep immediately, so that the next call wakes it.
    mutating func putToSleep(_ index: Int, now: ContinuousClock.Instant) {
        guard let method = records[index].sleep.method else { return }
        let request = requests.next()
        records[index].sleep.commanded(request, method, sleepRules, now: now)
        records[index].liveness.clearReason()
        trackDeadlines(index)
        setState(.asleep, ofRunnerAt: index)
        effects.append(.sleepMachine(records[index].runner.id, request, by: method))
        reconsiderWaiters(now: now)
    }

    /// Handles the result of a sleep command. If it failed, the machine is ready again, and its idle time starts anew.
    mutating func sleepCommandCompleted(
        _ index: Int, _ request: CommandID, failure: OperatorReason?, now: ContinuousClock.Instant
    ) {
        let isConnected = records[index].agent?.liveness.isConnected ?? false
        let completion = records[index].sleep.commandCompleted(
            request, failure: failure, isConnected: isConnected, sleepRules, now: now)
        guard completion == .failed, let failure else { return }
        stayedAwake(index, failure, now: now)
    }

    /// Passes evidence from a probe of a machine that may be falling asleep.
    /// - Returns: whether the evidence counts; false if it describes the machine before it fell asleep.
    mutating func isAfterSleep(
        _ evidence: Liveness.Evidence, ofRunnerAt index: Int, now: ContinuousClock.Instant
    ) -> Bool {
        switch records[index].sleep.evidenceReceived(evidence, now: now) {
        case .counts: return true
        case .ignored: return false
        case .stayedAwake:
            let time = configuration.sleepGracePeriod
            stayedAwake(index, "its engine still responded \(time) after the sleep command", now: now)
            return true
        }
    }

    /// Handles a machine that does not fall asleep: it takes calls as before, and a wake that has started meanwhile ends.
    private mutating func stayedAwake(_ index: Int, _ reason: OperatorReason, now: ContinuousClock.Instant) {
        trackDeadlines(index)
        noteSleepProblem(reason, ofRunnerAt: index)
        guard [.asleep, .waking].contains(placement[index].state) else { return }
        reportWakeEnded(records[index].wakes.sleepRefused(now: now), ofRunnerAt: index)
        records[index].becameReady()
        trackDeadlines(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    /// Records why the machine did not fall asleep after the last sleep command, and reports it to the operator once.
    mutating func noteSleepProblem(_ problem: OperatorReason?, ofRunnerAt index: Int) {
        guard let problem, records[index].sleep.problemReported(problem) else { return }
        effects.append(.sleepFailed(records[index].runner.id, reason: problem))
    }
}
