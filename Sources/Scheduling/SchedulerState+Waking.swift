public import SimpleAICore

/// The wakes of machines: one per machine, however many calls wait for it.
extension SchedulerState {
    // MARK: Choice of the machine

    func canBeginWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        let (record, occupancy) = (records[index], placement[index])
        guard configuration.wakeEnabled, record.runner.canBeWoken, !occupancy.isLeaving,
            record.wakes.permitsWake(now: now)
        else { return false }
        switch occupancy.state {
        case .asleep, .wakeFailed: return true
        // Another process may respond at the address of a sleeping machine. That is ruled out while its agent is
        // connected or it has calls in progress.
        case .down: return occupancy.active == 0 && !(record.agent?.liveness.isConnected ?? false)
        case .unknown, .ready, .checking, .loading, .waking, .lost: return false
        }
    }

    /// The best of the machines: by tier, then those whose last wake did not fail, then the shortest boot time; an
    /// unknown boot time comes last.
    func bestWake(among indices: [Int], for request: PlacementRequest) -> Int? {
        indices.min { left, right in
            let tiers = [left, right].map {
                Balancer.tier(of: records[$0].runner.machineType, among: request.preferredMachineTypes)
            }
            if tiers[0] != tiers[1] { return tiers[0] < tiers[1] }
            let (isLeftAsleep, isRightAsleep) = (placement[left].state == .asleep, placement[right].state == .asleep)
            if isLeftAsleep != isRightAsleep { return isLeftAsleep }
            return switch (records[left].wakes.bootTime.mean, records[right].wakes.bootTime.mean) {
            case (let left?, let right?): left < right
            case (let left, _): left != nil
            }
        }
    }

    /// The machines of `speculative_wake` that are awaited in addition to the one that a call waits for.
    func speculativeWakes(for request: PlacementRequest, failedWakes: Set<Int> = []) -> [Int] {
        guard !request.speculativeWakes.isEmpty else { return [] }
        return placement.permitted(for: request).filter { index in
            let runner = records[index].runner
            return !failedWakes.contains(index)
                && request.speculativeWakes.contains { $0.names(runner.id) || $0.names(runner.machineType) }
        }
    }

    // MARK: One wake

    /// Wakes the machines of `speculative_wake` in addition to the one that a call waits for; the first that can serve
    /// gets the call.
    mutating func wakeSpeculatively(for waiter: inout Waiter, now: ContinuousClock.Instant) {
        for index in speculativeWakes(for: waiter.request, failedWakes: waiter.failedWakes) {
            if let wake = records[index].wake {
                waiter.alsoWait(for: wake.id)
            } else if waiter.request.mayWake, canBeginWake(ofRunnerAt: index, now: now) {
                waiter.alsoWait(for: startWake(ofRunnerAt: index, now: now))
            }
        }
    }

    mutating func startWake(
        ofRunnerAt index: Int, byOperator: Bool = false, now: ContinuousClock.Instant
    ) -> WakeID {
        let id = makeWakeID()
        let packet = records[index].wakes.started(
            id, byOperator: byOperator, wasObserved: placement[index].state != .unknown, wakeRules, now: now)
        setState(.waking, ofRunnerAt: index)
        effects.append(.wakeStarted(records[index].runner.id, id))
        if let packet { sendPacket(packet, wake: id, toRunnerAt: index) }
        return id
    }

    /// Handles the result of one attempt to wake a machine. If none of the first attempts could be sent, the wake fails
    /// before its deadline, and the waiting calls are refused.
    /// - Parameter failure: nil if the attempt was sent; otherwise the reason, for the operator.
    public mutating func wakeAttempted(
        _ id: RunnerID, _ wakeID: WakeID, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = index(of: id),
            records[index].wakes.packetAttempted(wakeID, succeeded: failure == nil, wakeRules) == .giveUp
        else { return }
        let error = GatewayError(
            .wakeFailed, "The machine that serves this model could not be woken.",
            retry: .after(configuration.wakeBackoff), cause: "wake \(wakeID) of \(id): \(failure ?? "")")
        failWake(ofRunnerAt: index, error, now: now)
    }

    mutating func advanceWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let wake = records[index].wake?.id else { return }
        let isWanted = queue.contains { $0.awaits(wake) }
        switch records[index].wakes.timePassed(isWanted: isWanted, wakeRules, now: now) {
        case .none: break
        case .sendPacket(let number): sendPacket(number, wake: wake, toRunnerAt: index)
        case .timedOut(let packets):
            let bootTime = records[index].wakes.bootTime.mean ?? .seconds(30)
            let error = GatewayError(
                .wakeTimeout, "The machine did not wake up within \(configuration.wakeTimeout).",
                retry: .after(min(max(bootTime, .seconds(1)), .seconds(60))),
                cause: "wake \(wake) of \(records[index].runner.id): \(packets) packets were due before the timeout")
            failWake(ofRunnerAt: index, error, now: now)
        }
    }

    private mutating func sendPacket(_ number: Int, wake: WakeID, toRunnerAt index: Int) {
        effects.append(
            .sendPacket(
                records[index].runner.id, wake: wake, number: number,
                isFallingAsleep: records[index].sleep.isFallingAsleep))
    }

    private mutating func failWake(ofRunnerAt index: Int, _ error: GatewayError, now: ContinuousClock.Instant) {
        guard let ended = records[index].wakes.failed(wakeRules, now: now) else { return }
        reportWakeEnded(ended, ofRunnerAt: index)
        let observed = records[index].liveness.reason.map { "; \($0)" } ?? ""
        records[index].liveness.note(OperatorReason((error.cause ?? error.message) + observed))
        setState(.wakeFailed, ofRunnerAt: index)
        reconsiderWaiters(now: now, failure: (error, ended.id, index))
    }

    mutating func reportWakeEnded(_ ended: WakeMachine.Ended?, ofRunnerAt index: Int) {
        guard let ended else { return }
        trackDeadlines(index)
        effects.append(
            .wakeEnded(records[index].runner.id, ended.id, after: ended.duration, succeeded: ended.succeeded))
    }

    /// Whether calls wait for a wake, and a runner with these models could serve none of them.
    func servesNoWaiter(_ models: [ModelID: EngineModelID], wake: WakeID) -> Bool {
        let waitsForIt: (Waiter) -> Bool = { $0.awaits(wake) }
        return queue.contains(where: waitsForIt)
            && !queue.contains { waitsForIt($0) && $0.request.models.contains { models[$0] != nil } }
    }
}
