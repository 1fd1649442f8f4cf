public import SimpleAICore

/// Places calls and returns their leases.
extension SchedulerState {
    /// Places a call: picks a runner and reserves its slot in one step. If no slot is free, the call waits, or is
    /// refused if waiting cannot help.
    public mutating func place(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        if let choice = placement.callArrived(request) {
            return .granted(reserve(choice, waited: .zero, wake: nil))
        }
        let placement = queueOrRefuse(request, now: now)
        if hasModelsBlockedByLoad { reconsiderWaiters(now: now) }
        return placement
    }

    /// Places a call only if a slot of a runner with a model in memory is free; starts nothing.
    public mutating func placeImmediately(
        _ request: PlacementRequest, now: ContinuousClock.Instant
    ) -> Result<Lease, GatewayError> {
        if let choice = placement.callArrived(request) {
            return .success(reserve(choice, waited: .zero, wake: nil))
        }
        return .failure(refusal(of: request, indices: [], isAsleep: false, now: now))
    }

    /// Starts the wake or the load that a call will wait for, while its request is still arriving. The call has no place in
    /// the queue yet.
    public mutating func prepare(for request: PlacementRequest, now: ContinuousClock.Instant) {
        let admission = admission(for: request, now: now)
        switch admission {
        case .wake, .load: _ = begin(admission, now: now)
        case .slot, .inProgress, .refused: return
        }
        if hasModelsBlockedByLoad { reconsiderWaiters(now: now) }
    }

    private mutating func queueOrRefuse(_ request: PlacementRequest, now: ContinuousClock.Instant) -> Placement {
        let waitReason: Waiter.WaitReason
        switch begin(admission(for: request, now: now), now: now) {
        case .success(let begun): waitReason = begun
        case .failure(let error): return .refused(error)
        }
        switch queue.capacity(for: request, maxLength: configuration.queueLength) {
        case .available: break
        case .exhausted: return .refused(Self.queueIsFull)
        case .availableAfterEvicting(let newest):
            queue.callWithdrawn(newest, models: request.models)
            effects.append(.reject(newest, Self.queueIsFullOfOwnCalls))
        }
        var waiter = Waiter(
            id: queue.makeWaiterID(), request: request, since: now, waitReason: waitReason,
            deadline: deadline(of: waitReason.kind, for: request, now))
        if case .wake(let id) = waitReason {
            waiter.startWaiting(for: id)
            wakeSpeculatively(for: &waiter, now: now)
        }
        queue.callQueued(waiter)
        return .waiting(waiter.id, machineIsWaking: waiter.wake != nil)
    }

    static var queueIsFull: GatewayError {
        GatewayError(
            .queueFull, "Too many calls are waiting for this model. Retry later.", retry: .after(.seconds(5)))
    }

    private static var queueIsFullOfOwnCalls: GatewayError {
        GatewayError(
            .queueFull, "Too many of your calls are waiting for this model. Retry later.", retry: .after(.seconds(5)))
    }

    /// Returns a lease. Returning it twice only increments a counter.
    /// - Parameter outcome: what the call showed about the runner.
    public mutating func release(
        _ lease: LeaseID, outcome: LeaseOutcome = .undecided, now: ContinuousClock.Instant
    ) {
        guard let (index, engineModel) = leases.returnLease(lease) else { return }
        let (isSleepable, command) = records[index].callEnded(of: engineModel, &requests)
        if let command { send(command, toRunnerAt: index) }
        let (wasReadmitted, isLoading) = placement.callEnded(at: index, outcome)
        if isLoading {
            trialEnded(ofRunnerAt: index, outcome, now: now)
        } else {
            if wasReadmitted { effects.append(.readmitted(records[index].runner.id)) }
            if outcome != .served { applyEvidence(of: outcome, ofRunnerAt: index, now: now) }
        }
        serveWaiters(ofRunnerAt: index, now: now)
        // Slots of ejected runners are for calls that no other runner can serve.
        if !placement.ejected.isEmpty { reconsiderWaiters(now: now) }
        if isSleepable { trackIdleTime(ofRunnerAt: index, now: now) }
        clearIfRemoved(index)
    }

    /// Removes a waiting call whose client closed the connection. A wake that it started continues, because the machine
    /// boots anyway.
    public mutating func abandon(_ waiter: WaiterID, models: [ModelID]) {
        queue.callWithdrawn(waiter, models: models)
    }

    private mutating func reserve(
        _ choice: PlacementIndex.Choice, waited: Duration, wake: WakeID?
    ) -> Lease {
        let (index, model) = choice
        let (number, hasServed) = placement.callBegan(at: index)
        let (runner, engineModel) = records[index].callBegan(of: model, number: number)
        return Lease(
            id: leases.issue(forRunnerAt: index, engineModel), runner: runner, model: model, engineModel: engineModel,
            waited: waited, wake: wake, runnerHasServed: hasServed)
    }

    /// Grants free slots of one runner to the calls that wait for it, by fair queueing.
    mutating func serveWaiters(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        // Reserving a slot changes the free slots, never the models that the runner can serve.
        while queue.count > 0, placement[index].canTakeCall {
            let record = records[index]
            let next = queue.slotFreed(
                of: record.runner.id, at: index, couldServe: { record.firstLoaded(of: $0) != nil },
                canServe: { $0.request.allows(record.runner.id) })
            guard let waiter = next, let model = record.firstLoaded(of: waiter.request.models) else { return }
            grant((index, model), to: waiter, now: now)
        }
    }

    mutating func grant(_ choice: PlacementIndex.Choice, to waiter: Waiter, now: ContinuousClock.Instant) {
        let lease = reserve(
            choice, waited: waiter.since.duration(to: now),
            wake: waiter.wake(of: records[choice.index].wakes.last?.id))
        effects.append(.grant(waiter.id, lease))
    }
}
