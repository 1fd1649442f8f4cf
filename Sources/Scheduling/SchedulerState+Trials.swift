import SimpleAICore

/// Trials of an engine that is loading, as calls have found: it may list its models long before it can serve them, so
/// only a call can show when it can. One call at a time is the trial; the others wait.
struct LoadingTrials: Hashable, Sendable {
    private(set) var failed = 0
    /// Nil while a call may try, or if a probe will decide.
    private(set) var nextAt: ContinuousClock.Instant?

    private static let firstPause: Duration = .milliseconds(500)
    private static let maxPause: Duration = .seconds(2)

    private var startedAt: ContinuousClock.Instant?

    /// A loading engine refuses at once: a call that has been in progress for this time is being served, however long
    /// it takes.
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
    /// Handles the evidence of an unserved call about its runner.
    mutating func applyEvidence(of outcome: LeaseOutcome, ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard !records[index].isLeaving else { return }
        switch outcome {
        case .served, .undecided: return
        case .failed: ejectIfDue(index, now: now)
        case .internalError: if records[index].health.hasErrorsOfSeveralCallers { ejectIfDue(index, now: now) }
        case .notAble:
            if assess(
                .callReplaced, reason: "a call got a response from a proxy instead of the engine", ofRunnerAt: index,
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

    /// A call on a loading engine is over.
    mutating func trialEnded(ofRunnerAt index: Int, _ outcome: LeaseOutcome, now: ContinuousClock.Instant) {
        guard !records[index].isLeaving else { return }
        switch outcome {
        case .served: return markReady(index, .served, didChange: false, now: now)
        case .loading: noteLoading(ofRunnerAt: index, now: now)
        case .notAble:
            assess(
                .replaced, reason: "a call got a response from a proxy instead of the engine", ofRunnerAt: index,
                now: now)
        case .failed, .internalError, .undecided: break
        }
        // After a call from before, the next trial is already due; unless a probe found it loading, and no trial was
        // pending.
        let isDue = records[index].health.isOnTrial || (outcome == .loading && !runnersInLoadingTrial.contains(index))
        if records[index].state == .loading, isDue { pauseTrials(ofRunnerAt: index, now: now) }
        reconsiderWaiters(now: now)
    }

    private mutating func pauseTrials(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        records[index].health = RunnerHealth()
        records[index].trials.failed(now: now)
        runnersInLoadingTrial.insert(index)
        updateRank(ofRunnerAt: index)
    }

    mutating func startTrial(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let next = records[index].trials.nextAt, next <= now else { return }
        runnersInLoadingTrial.remove(index)
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
        runnersInLoadingTrial.remove(index)
        records[index].trials = LoadingTrials()
        if !records[index].health.isInService { records[index].health = RunnerHealth() }
    }
}
