import SimpleAICore

/// Handles what the end of a call shows about its runner, and the trial calls of loading engines.
extension SchedulerState {
    /// Applies what an unserved call showed about its runner.
    mutating func applyEvidence(of outcome: LeaseOutcome, ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard !placement[index].isLeaving else { return }
        switch outcome {
        case .served, .undecided: return
        case .failed: ejectIfDue(index, now: now)
        case .internalError: if placement[index].outliers.hasErrorsOfSeveralCallers { ejectIfDue(index, now: now) }
        case .foreignResponse:
            if assess(
                .callGotForeignResponse, reason: "a call got a response from a proxy instead of the engine",
                ofRunnerAt: index,
                now: now)
            {
                reconsiderWaiters(now: now)
            }
        case .loading:
            guard placement[index].state == .ready, noteLoading(ofRunnerAt: index, now: now) else { return }
            pauseTrials(ofRunnerAt: index, now: now)
            reconsiderWaiters(now: now)
        }
    }

    @discardableResult
    private mutating func noteLoading(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        assess(.loading(.call), reason: "its engine refused a call while loading", ofRunnerAt: index, now: now)
    }

    /// Handles the end of a call to a loading engine.
    mutating func trialEnded(ofRunnerAt index: Int, _ outcome: LeaseOutcome, now: ContinuousClock.Instant) {
        guard !placement[index].isLeaving else { return }
        switch outcome {
        case .served: return markReady(index, .served, didChange: false, now: now)
        case .loading: noteLoading(ofRunnerAt: index, now: now)
        case .foreignResponse:
            assess(
                .foreignResponse, reason: "a call got a response from a proxy instead of the engine", ofRunnerAt: index,
                now: now)
        case .failed, .internalError, .undecided: break
        }
        // A call that was not the trial schedules the next one only if it was refused and none is scheduled: a probe
        // has found the engine loading.
        let schedulesTrial =
            placement[index].outliers.isOnTrial || (outcome == .loading && records[index].trials.nextAt == nil)
        if placement[index].state == .loading, schedulesTrial { pauseTrials(ofRunnerAt: index, now: now) }
        reconsiderWaiters(now: now)
    }

    private mutating func pauseTrials(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        placement.engineRestarted(at: index)
        records[index].trials.trialFailed(now: now)
        trackDeadlines(index)
    }

    mutating func startTrial(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].trials.timePassed(now: now) else { return }
        trackDeadlines(index)
        placement.trialStarted(at: index)
        serveWaiters(ofRunnerAt: index, now: now)
    }
}
