public import SimpleAICore

/// Handles evidence from probes and connections.
extension SchedulerState {
    /// Handles an engine's response to a probe or a call.
    ///
    /// An engine may respond before it has loaded its models: a machine that is being woken counts as awake only once
    /// it can serve one of the calls that wait for it.
    /// - Parameters:
    ///   - engineModels: the engine's own model list; nil if the probe did not request it.
    ///   - reason: a problem that does not stop it from serving, for the operator: an empty list, a rejected key.
    public mutating func runnerResponded(
        _ id: RunnerID, engineModels: [EngineModelID]?, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id), isAfterSleep(.responded, ofRunnerAt: index, now: now),
            let didChange = learn(engineModels, ofRunnerAt: index)
        else { return }
        markReady(index, didChange: didChange, reason: reason, now: now)
    }

    /// Applies an engine's model list.
    /// - Returns: whether the list has changed; nil if it is not applied, because the machine could serve none of the
    ///   calls that wait for its wake.
    mutating func learn(_ engineModels: [EngineModelID]?, ofRunnerAt index: Int) -> Bool? {
        let listed = engineModels.map { records[index].runner.publicModels(engineModels: $0) }
        if let wake = records[index].wake, servesNoWaiter(listed ?? records[index].models, wake: wake.id) { return nil }
        guard let listed else { return false }
        guard records[index].modelsListed(listed) else { return false }
        reindex(index)
        return true
    }

    /// Passes evidence to `Liveness`.
    /// - Returns: whether the state has changed.
    @discardableResult
    mutating func assess(
        _ evidence: Liveness.Evidence, reason: OperatorReason? = nil, ofRunnerAt index: Int,
        now: ContinuousClock.Instant
    ) -> Bool {
        let old = placement[index].state
        let new = verdict(on: evidence, reason, ofRunnerAt: index, now: now)
        setState(new, ofRunnerAt: index)
        return new != old
    }

    private mutating func verdict(
        on evidence: Liveness.Evidence, _ reason: OperatorReason? = nil, ofRunnerAt index: Int,
        now: ContinuousClock.Instant
    ) -> RunnerState {
        let occupancy = placement[index]
        let noTrialCanBeRefused =
            occupancy.outliers.isOnTrial
            && (occupancy.outliers.admits || records[index].trials.isBeyondRefusal(now: now))
        return records[index].liveness.assess(
            evidence, reason: reason,
            .init(
                state: occupancy.state, callCount: occupancy.active, noTrialCanBeRefused: noTrialCanBeRefused,
                canBeWoken: records[index].runner.canBeWoken,
                maxMisses: configuration.maxFailedProbes, loadTimeout: configuration.loadTimeout, now: now))
    }

    /// Handles evidence that the runner is up; `Liveness` decides whether it takes calls.
    /// - Parameter evidence: `responded` or `served`.
    mutating func markReady(
        _ index: Int, _ evidence: Liveness.Evidence = .responded, didChange: Bool, reason: OperatorReason? = nil,
        now: ContinuousClock.Instant
    ) {
        let wasReady = placement[index].state == .ready
        let state = verdict(on: evidence, reason, ofRunnerAt: index, now: now)
        guard state == .ready else {
            setState(state, ofRunnerAt: index)
            // A loading engine may have listed a model for the first time, and its next trial may be due.
            serveWaiters(ofRunnerAt: index, now: now)
            if didChange { reconsiderWaiters(now: now) }
            return
        }
        reportWakeEnded(records[index].wakes.machineReady(now: now), ofRunnerAt: index)
        if !wasReady { placement.engineRestarted(at: index, hasServed: evidence == .served) }
        records[index].becameReady()
        trackDeadlines(index)
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        if didChange || !wasReady { reconsiderWaiters(now: now) }
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    /// Handles a probe that could not establish a connection: no route, or no response to the attempt.
    /// - Parameters:
    ///   - lastContactAt: when the machine last sent a byte or an acknowledgement on any of its calls.
    ///   - reason: what was observed, for the operator.
    public mutating func runnerUnreachable(
        _ id: RunnerID, lastContactAt: ContinuousClock.Instant?, reason: OperatorReason? = nil,
        now: ContinuousClock.Instant
    ) {
        let evidence = Liveness.Evidence.unreachable(lastContactAt: lastContactAt)
        guard let index = index(of: id), isAfterSleep(evidence, ofRunnerAt: index, now: now) else { return }
        records[index].wakes.machineUnreachable()
        if assess(evidence, reason: reason, ofRunnerAt: index, now: now) {
            reconsiderWaiters(now: now)
        }
    }

    /// Handles a probe whose connection was refused: the host is up, its engine is not. This is normal while a machine
    /// boots.
    public mutating func runnerRefusedConnection(
        _ id: RunnerID, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        observe(.refused, reason, of: id, now: now)
    }

    /// Handles a probe whose connection was accepted, but that got no response.
    public mutating func runnerSilent(
        _ id: RunnerID, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        observe(.silent, reason, of: id, now: now)
    }

    /// Handles a probe to which another server responded: a front end's 502, a web page, an immediate close.
    public mutating func foreignServerResponded(
        _ id: RunnerID, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        observe(.foreignResponse, reason, of: id, now: now)
    }

    /// Handles a probe to which the engine responded that it is not ready yet.
    public mutating func runnerIsLoading(
        _ id: RunnerID, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        observe(.loading(.probe), reason, of: id, now: now)
    }

    private mutating func observe(
        _ evidence: Liveness.Evidence, _ reason: OperatorReason?, of id: RunnerID, now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id), isAfterSleep(evidence, ofRunnerAt: index, now: now) else { return }
        let wasReady = placement[index].state == .ready
        records[index].wakes.engineUnavailable()
        guard assess(evidence, reason: reason, ofRunnerAt: index, now: now) else { return }
        if !wasReady, placement[index].state == .ready { serveWaiters(ofRunnerAt: index, now: now) }
        reconsiderWaiters(now: now)
    }

    /// Handles a call that could not connect. A `ready` runner gets no more calls until a probe has decided its state;
    /// waiting calls keep waiting for it.
    public mutating func callCouldNotConnect(
        _ id: RunnerID, reason: OperatorReason? = nil, now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id) else { return }
        if assess(.callUnreachable, reason: reason, ofRunnerAt: index, now: now) { reconsiderWaiters(now: now) }
    }
}
