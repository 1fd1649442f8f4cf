public import SimpleAICore

/// The wakes of machines: one per machine, however many calls wait for it.
extension SchedulerState {
    /// Handles the result of one attempt to wake a machine. If none of the first attempts could be sent, the wake fails
    /// before its deadline, and the waiting calls are refused.
    /// - Parameter failure: nil if the attempt was sent; otherwise the reason, for the operator.
    public mutating func wakeAttempted(
        _ id: RunnerID, _ wakeID: WakeID, failure: String?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id], var wake = records[index].wake, wake.id == wakeID else { return }
        wake.attempted(succeeded: failure == nil)
        records[index].wake = wake
        guard let failure, wake.failedAttempts >= configuration.maxFailedWakeAttempts else { return }
        let error = GatewayError(
            .wakeFailed, "The machine that serves this model could not be woken.",
            retry: .after(configuration.wakeBackoff), cause: "wake \(wake.id) of \(id): \(failure)")
        failWake(wake, ofRunnerAt: index, error, now: now)
    }

    /// Wakes the best of the machines: by tier, then those whose last wake did not fail, then the shortest boot time;
    /// an unknown boot time comes last.
    mutating func startWake(
        bestOf indices: [Int], _ request: PlacementRequest, now: ContinuousClock.Instant
    ) -> WakeID {
        let best = indices.min { left, right in
            let (a, b) = (records[left], records[right])
            let tiers = [a, b].map {
                Balancer.tier(of: $0.runner.machineType, among: request.preferredMachineTypes)
            }
            if tiers[0] != tiers[1] { return tiers[0] < tiers[1] }
            if (a.state == .asleep) != (b.state == .asleep) { return a.state == .asleep }
            return switch (a.bootTime.mean, b.bootTime.mean) {
            case (let left?, let right?): left < right
            case (let left, _): left != nil
            }
        }
        return startWake(ofRunnerAt: best ?? indices[0], isWanted: true, now: now)
    }

    mutating func startWake(ofRunnerAt index: Int, isWanted: Bool, now: ContinuousClock.Instant) -> WakeID {
        var wake = WakeState(
            id: makeWakeID(), now: now, timeout: configuration.wakeTimeout, offset: configuration.packetOffset)
        wake.isBoot = records[index].state != .unknown
        records[index].wake = wake
        records[index].lastWake = PreviousWake(id: wake.id, startedAt: now)
        records[index].wakeNotBefore = nil
        waking.insert(index)
        setState(.waking, ofRunnerAt: index)
        effects.append(.wakeStarted(records[index].runner.id, wake.id))
        sendDuePacket(ofRunnerAt: index, isWanted: isWanted, now: now)
        return wake.id
    }

    mutating func advanceWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let wake = records[index].wake else { return }
        guard now < wake.deadline else {
            let retry = min(max(records[index].bootTime.mean ?? .seconds(30), .seconds(1)), .seconds(60))
            let error = GatewayError(
                .wakeTimeout, "The machine did not wake up within \(configuration.wakeTimeout).", retry: .after(retry),
                cause:
                    "wake \(wake.id) of \(records[index].runner.id): \(wake.packets) packets were due before the timeout"
            )
            return failWake(wake, ofRunnerAt: index, error, now: now)
        }
        let isWanted = wake.isRequestedByOperator || queue.contains { $0.awaits(wake.id) }
        sendDuePacket(ofRunnerAt: index, isWanted: isWanted, now: now)
    }

    /// A wake without waiting calls sends no more packets, but is not cancelled: the machine boots anyway.
    private mutating func sendDuePacket(ofRunnerAt index: Int, isWanted: Bool, now: ContinuousClock.Instant) {
        guard var wake = records[index].wake else { return }
        let due = wake.takeDuePacket(now: now, offset: configuration.packetOffset)
        records[index].wake = wake
        if let due, isWanted {
            effects.append(.sendPacket(records[index].runner.id, wake: wake.id, number: due))
        }
    }

    private mutating func failWake(
        _ wake: WakeState, ofRunnerAt index: Int, _ error: GatewayError, now: ContinuousClock.Instant
    ) {
        endWake(ofRunnerAt: index, succeeded: false, now: now)
        records[index].wakeNotBefore = now.advanced(by: backoff(after: wake, ofRunnerAt: index))
        let observed = records[index].liveness.reason.map { "; \($0)" } ?? ""
        records[index].liveness.note(OperatorReason((error.cause ?? error.message) + observed))
        setState(.wakeFailed, ofRunnerAt: index)
        reconsiderWaiters(now: now, failure: (error, wake.id, index))
    }

    /// The backoff grows with each failed wake in which the host responded but its engine did not: the engine has
    /// crashed, and no packet helps.
    private mutating func backoff(after wake: WakeState, ofRunnerAt index: Int) -> Duration {
        guard wake.hostResponded else { return configuration.wakeBackoff }
        defer { records[index].failedWakesInARow += 1 }
        return configuration.wakeBackoff * (1 << min(records[index].failedWakesInARow, 4))
    }

    /// Ends the wake of a runner that is removed.
    mutating func abandonWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].wake != nil else { return }
        endWake(ofRunnerAt: index, succeeded: false, now: now)
        setState(.lost, ofRunnerAt: index)
    }

    /// - Parameter recordsBootTime: whether the duration counts as a boot time.
    mutating func endWake(
        ofRunnerAt index: Int, succeeded: Bool, recordsBootTime: Bool = true, now: ContinuousClock.Instant
    ) {
        guard let wake = records[index].wake else { return }
        records[index].wake = nil
        waking.remove(index)
        let time = wake.startedAt.duration(to: now)
        if succeeded, recordsBootTime, wake.isBoot { records[index].bootTime.learn(time) }
        records[index].lastWake?.ended(after: time, succeeded: succeeded)
        effects.append(.wakeEnded(records[index].runner.id, wake.id, after: time, succeeded: succeeded))
    }

    /// Whether calls wait for a wake, and a runner with these models could serve none of them.
    func servesNoWaiter(_ models: [ModelID: EngineModelID], wake: WakeID) -> Bool {
        let waitsForIt: (Waiter) -> Bool = { $0.awaits(wake) }
        return queue.contains(where: waitsForIt)
            && !queue.contains { waitsForIt($0) && $0.request.models.contains { models[$0] != nil } }
    }
}
