public import SimpleAICore

/// What probes and connections tell about runners.
extension SchedulerState {
    /// A probe (or a call) was answered.
    ///
    /// An engine may answer before it has loaded what it serves: as long as a machine that is being woken can serve none
    /// of the calls that wait for it, it is not awake yet.
    /// - Parameter engineModels: the engine's own list; nil when the probe did not ask for it.
    public mutating func runnerAnswered(_ id: RunnerID, engineModels: [EngineModelID]?, now: ContinuousClock.Instant) {
        guard let index = indexByID[id], let isNews = learn(engineModels, ofRunnerAt: index) else { return }
        becameAble(index, isNews: isNews, now: now)
    }

    /// Takes an engine's list over.
    /// - Returns: whether it is another than before; nil, and nothing is taken over, when those who wait for this machine
    ///   would get nothing from it.
    mutating func learn(_ engineModels: [EngineModelID]?, ofRunnerAt index: Int) -> Bool? {
        let listed = engineModels.map { records[index].runner.publicModels(engineModels: $0) }
        if let wake = records[index].wake, disappoints(listed ?? records[index].models, wake: wake.id) { return nil }
        guard let listed else { return false }
        records[index].modelsAreKnown = true
        guard listed != records[index].models else { return false }
        records[index].models = listed
        rebuildIndex()
        return true
    }

    /// A runner is there and takes calls.
    mutating func becameAble(_ index: Int, isNews: Bool, now: ContinuousClock.Instant) {
        records[index].failedProbes = 0
        records[index].firstFailureAt = nil
        endWake(ofRunnerAt: index, succeeded: true, now: now)
        let wasReady = records[index].state == .ready
        if !wasReady {
            // What it did before it went away says nothing about what has come up.
            records[index].health = RunnerHealth()
            ejected.remove(index)
        }
        records[index].agent?.becameReady()
        attend(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        if isNews || !wasReady { reconsiderWaiters(now: now) }
        noteIdleness(ofRunnerAt: index, now: now)
    }

    /// Nobody there: no route, no answer in time.
    /// - Parameter lastByteAt: when a byte last moved on any of its calls. One slow probe of a busy engine is not sleep.
    public mutating func runnerUnreachable(
        _ id: RunnerID, lastByteAt: ContinuousClock.Instant?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id] else { return }
        switch records[index].state {
        case .ready, .unknown, .down, .checking: break
        case .asleep, .waking, .wakeFailed, .lost: return
        }
        if let lastByteAt, let first = records[index].firstFailureAt, lastByteAt > first {
            records[index].failedProbes = 0
            records[index].firstFailureAt = nil
        }
        records[index].failedProbes += 1
        if records[index].firstFailureAt == nil { records[index].firstFailureAt = now }
        guard records[index].failedProbes >= configuration.probesUntilGone else { return }
        setState(records[index].runner.canBeWoken ? .asleep : .lost, ofRunnerAt: index)
        reconsiderWaiters(now: now)
    }

    /// The host answers, its engine does not: refused, or not able to serve. While a machine boots that is normal.
    public mutating func runnerRefused(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        records[index].failedProbes = 0
        records[index].firstFailureAt = nil
        switch records[index].state {
        case .ready, .unknown, .lost, .checking:
            setState(.down, ofRunnerAt: index)
            reconsiderWaiters(now: now)
        case .down, .asleep, .waking, .wakeFailed: return
        }
    }

    /// A call could not reach a runner that we believed ready. Until a probe has decided it gets no more calls, and
    /// those that wait for it go on waiting.
    public mutating func callCouldNotConnect(_ id: RunnerID, now: ContinuousClock.Instant) {
        guard let index = indexByID[id], records[index].state == .ready else { return }
        records[index].failedProbes = 1
        records[index].firstFailureAt = now
        setState(.unknown, ofRunnerAt: index)
        reconsiderWaiters(now: now)
    }

    mutating func setState(_ state: RunnerState, ofRunnerAt index: Int) {
        let old = records[index].state
        guard old != state else { return }
        records[index].state = state
        if state == .asleep {
            records[index].agent?.fellAsleep()
            attend(index)
        }
        if state != .ready { records[index].agent?.idleSince = nil }
        updateRank(ofRunnerAt: index)
        effects.append(.stateChanged(records[index].runner.id, from: old, to: state))
    }
}
