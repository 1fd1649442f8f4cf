public import SimpleAICore

/// Checks the engines of machines that were asleep before they get calls.
extension SchedulerState {
    /// Starts a check if the machine was asleep: its engine has to generate one token with a model in memory.
    /// - Returns: whether the result is pending.
    mutating func startCheckIfNeeded(_ index: Int, now: ContinuousClock.Instant) -> Bool {
        guard let check = records[index].agent?.check, check.isNeeded, configuration.checksAfterSleep else {
            return false
        }
        return check.isPending || beginCheck(ofRunnerAt: index, now: now)
    }

    private mutating func beginCheck(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        guard records[index].agent != nil, let engineModel = modelToCheck(ofRunnerAt: index) else { return false }
        let request = requests.next()
        records[index].agent?.check.started(request)
        effects.append(.checkRunner(records[index].runner.id, engineModel: engineModel, request))
        if records[index].wake == nil, placement[index].state != .down {
            assess(.checkStarted, reason: "its engine is checked after the sleep", ofRunnerAt: index, now: now)
            reconsiderWaiters(now: now)
        }
        trackDeadlines(index)
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
        guard let index = index(of: id) else { return }
        switch records[index].agent?.check.completed(request, succeeded: failure == nil, now: now) {
        case nil, .ignored: return
        case .passed:
            records[index].becameReady()
            trackDeadlines(index)
            checkPassed(index, now: now)
        case .failed: checkFailed(index, failure ?? "", now: now)
        }
    }

    private mutating func checkFailed(_ index: Int, _ reason: String, now: ContinuousClock.Instant) {
        trackDeadlines(index)
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
        guard records[index].agent?.check.timePassed(now: now) ?? false else { return }
        guard [.waking, .down, .checking].contains(placement[index].state) else { return }
        if !beginCheck(ofRunnerAt: index, now: now) { checkPassed(index, now: now) }
    }

    /// Whether the GPU is missing after a sleep: the machine gets no calls, and the operator is warned once.
    mutating func hasLostItsGPU(_ index: Int, _ report: RunnerReport) -> Bool {
        let isEnabled = configuration.checksAfterSleep
        let gpu = records[index].agent?.check.gpuReported(report.hasGPU, isEnabled: isEnabled)
        guard case .missing(let isFirstReport) = gpu else { return false }
        if isFirstReport {
            effects.append(.checkFailed(records[index].runner.id, reason: Self.missingGPU.description))
        }
        return true
    }

    static var missingGPU: OperatorReason { "its GPU is no longer available" }
}
