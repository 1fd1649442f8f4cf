import SimpleAICore

/// Re-evaluates the waiting calls when something has changed, and rejects those that waited too long.
extension SchedulerState {
    /// Re-evaluates the waiting calls after a runner's state or list has changed: calls that still have a reason to
    /// wait stay, the others are refused with the cause. A wake or a load sets its own deadline, and the queue's
    /// deadline starts anew after it. Between a slot and a probe the deadline does not change, so that a runner that
    /// connects and disconnects repeatedly cannot keep a call waiting forever.
    /// - Parameter failure: the failed wake, its runner, and the error for the calls that waited for it.
    mutating func reconsiderWaiters(
        now: ContinuousClock.Instant, failure: (error: GatewayError, wake: WakeID, runner: Int)? = nil,
        failedLoad: FailedLoad? = nil
    ) {
        hasModelsBlockedByLoad = false
        guard queue.count > 0 else { return }
        serveWaitersAmongEjected(now: now)
        var waiting = FairQueue()
        swap(&waiting, &queue)
        waiting.reconsider { waiter in
            var reason: GatewayError?
            if let failure, waiter.waitReason == .wake(failure.wake) {
                reason = failure.error
            }
            if let failure, waiter.awaits(failure.wake) { waiter.failedWakes.insert(failure.runner) }
            if let failedLoad, waiter.waitReason == .load(failedLoad.load.id),
                waiter.request.models.contains(where: {
                    records[failedLoad.index].models[$0] == failedLoad.load.engineModel
                })
            {
                waiter.failedLoads.insert(failedLoad.index)
                reason = failedLoad.error
            }
            let admission = admission(
                for: waiter.request, failedWakes: waiter.failedWakes, failedLoads: waiter.failedLoads, now: now)
            switch begin(admission, now: now) {
            case .success(let waitReason):
                if waitReason.hasOwnDeadline || waiter.waitReason.hasOwnDeadline, waitReason != waiter.waitReason {
                    waiter.deadline = deadline(of: waitReason.kind, for: waiter.request, now)
                }
                waiter.waitReason = waitReason
                if case .wake(let id) = waitReason {
                    waiter.startWaiting(for: id)
                    wakeSpeculatively(for: &waiter, now: now)
                }
                return true
            case .failure(let error):
                effects.append(.reject(waiter.id, reason ?? error))
                return false
            }
        }
        swap(&waiting, &queue)
        // A load that was started for one call may have blocked models that others need. A runner loads one model at
        // a time, so this terminates.
        if hasModelsBlockedByLoad { reconsiderWaiters(now: now) }
    }

    /// Grants slots of ejected runners, by fair queueing, to calls that no other runner can serve.
    private mutating func serveWaitersAmongEjected(now: ContinuousClock.Instant) {
        guard placement.ejected.contains(where: { placement[$0].hasFreeSlot }) else { return }
        var waiting = FairQueue()
        swap(&waiting, &queue)
        while let index = firstChoiceAmongEjected(of: waiting) {
            let record = records[index]
            let next = waiting.slotFreed(
                of: record.runner.id, at: index, couldServe: { record.firstLoaded(of: $0) != nil },
                canServe: { placement.choiceAmongEjected(for: $0.request)?.index == index })
            guard let waiter = next, let choice = placement.choiceAmongEjected(for: waiter.request) else { break }
            grant(choice, to: waiter, now: now)
        }
        swap(&waiting, &queue)
    }

    private func firstChoiceAmongEjected(of waiting: FairQueue) -> Int? {
        var first: Int?
        _ = waiting.contains { waiter in
            if let choice = placement.choiceAmongEjected(for: waiter.request) {
                first = min(first ?? .max, choice.index)
            }
            return false
        }
        return first
    }

    /// Rejects the calls whose deadline has passed.
    mutating func rejectLateWaiters(now: ContinuousClock.Instant) {
        for waiter in queue.timePassed(now: now) {
            effects.append(.reject(waiter.id, timeoutError(of: waiter.waitReason.kind)))
        }
    }

    private func timeoutError(of kind: Waiter.WaitReason.Kind) -> GatewayError {
        switch kind {
        case .slot:
            GatewayError(
                .queueFull, "No slot became free within \(configuration.queueTimeout). Retry later.",
                retry: .after(.seconds(5)))
        case .probe:
            GatewayError(
                .noRunnerAvailable, "No runner that serves this model has been probed yet. Retry later.",
                retry: .after(.seconds(5)))
        case .loading:
            GatewayError(
                .noRunnerAvailable, "The engine was still loading after \(configuration.wakeTimeout).",
                retry: .after(.seconds(30)))
        case .load:
            GatewayError(
                .noRunnerAvailable, "Loading the model timed out after \(configuration.loadTimeout).",
                retry: .after(.seconds(30)))
        case .wake:
            GatewayError(
                .wakeTimeout, "The machine did not wake up within \(configuration.wakeTimeout).",
                retry: .after(.seconds(30)))
        }
    }
}
