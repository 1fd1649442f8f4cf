import SimpleAICore

/// The trial calls to an engine that has refused a call because it was loading. It may list its models long before it
/// can serve them, so only a call can show that it does. One call at a time is the trial; the others wait.
struct LoadingTrials: Hashable, Sendable {
    private(set) var failed = 0
    /// When the next trial may begin; nil if one may begin now or is in progress, or if a probe decides.
    private(set) var nextAt: ContinuousClock.Instant?

    private static let firstPause: Duration = .milliseconds(500)
    private static let maxPause: Duration = .seconds(2)

    private var startedAt: ContinuousClock.Instant?

    /// Time after which a call in progress counts as being served, because a loading engine refuses immediately.
    private static let refusalTimeout: Duration = .seconds(2)

    func hasPassed(now: ContinuousClock.Instant) -> Bool {
        startedAt.map { $0.duration(to: now) >= Self.refusalTimeout } ?? false
    }

    mutating func failed(now: ContinuousClock.Instant) {
        startedAt = nil
        nextAt = now.advanced(by: min(Self.firstPause * (1 << min(failed, 8)), Self.maxPause))
        failed += 1
    }

    mutating func started(now: ContinuousClock.Instant) { (nextAt, startedAt) = (nil, now) }
}

extension SchedulerState {
    /// Applies what an unserved call showed about its runner.
    mutating func applyEvidence(of outcome: LeaseOutcome, ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard !records[index].isLeaving else { return }
        switch outcome {
        case .served, .undecided: return
        case .failed: ejectIfDue(index, now: now)
        case .internalError: if records[index].health.hasErrorsOfSeveralCallers { ejectIfDue(index, now: now) }
        case .foreignResponse:
            if assess(
                .callGotForeignResponse, reason: "a call got a response from a proxy instead of the engine",
                ofRunnerAt: index,
                now: now)
            {
                reconsiderWaiters(now: now)
            }
        case .loading:
            guard records[index].state == .ready, noteLoading(ofRunnerAt: index, now: now) else { return }
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
        guard !records[index].isLeaving else { return }
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
            records[index].health.isOnTrial || (outcome == .loading && !runnersWithScheduledTrial.contains(index))
        if records[index].state == .loading, schedulesTrial { pauseTrials(ofRunnerAt: index, now: now) }
        reconsiderWaiters(now: now)
    }

    private mutating func pauseTrials(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        records[index].health = RunnerHealth()
        records[index].trials.failed(now: now)
        runnersWithScheduledTrial.insert(index)
        updateRank(ofRunnerAt: index)
    }

    mutating func startTrial(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let next = records[index].trials.nextAt, next <= now else { return }
        runnersWithScheduledTrial.remove(index)
        records[index].trials.started(now: now)
        records[index].health.beginTrial()
        updateRank(ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
    }

    mutating func expectTrials(ofRunnerAt index: Int) {
        ejected.remove(index)
        records[index].health = RunnerHealth()
        records[index].trials = LoadingTrials()
    }

    mutating func stopTrials(ofRunnerAt index: Int) {
        runnersWithScheduledTrial.remove(index)
        records[index].trials = LoadingTrials()
        if !records[index].health.isInService { records[index].health = RunnerHealth() }
    }
}
