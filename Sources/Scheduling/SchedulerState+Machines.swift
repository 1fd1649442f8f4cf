public import SimpleAICore

/// What probes and connections tell about runners, and the wakes of their machines.
extension SchedulerState {
    // MARK: Events

    /// A probe (or a call) was answered.
    ///
    /// An engine may answer before it has loaded what it serves: as long as a machine that is being woken can serve none
    /// of the calls that wait for it, it is not awake yet.
    /// - Parameter engineModels: the engine's own list; nil when the probe did not ask for it.
    public mutating func runnerAnswered(_ id: RunnerID, engineModels: [String]?, now: ContinuousClock.Instant) {
        guard let index = indexByID[id] else { return }
        heard(index, engineModels: engineModels, now: now)
    }

    /// A runner is there and takes calls.
    mutating func heard(_ index: Int, engineModels: [String]?, now: ContinuousClock.Instant) {
        let listed = engineModels.map { records[index].runner.publicModels(engineModels: $0) }
        if let wake = records[index].wake, disappoints(listed ?? records[index].models, wake: wake.id) { return }
        records[index].failedProbes = 0
        records[index].firstFailureAt = nil
        var isNews = records[index].state != .ready
        if let listed {
            records[index].modelsAreKnown = true
            if listed != records[index].models {
                records[index].models = listed
                rebuildIndex()
                isNews = true
            }
        }
        endWake(ofRunnerAt: index, succeeded: true, now: now)
        if records[index].state != .ready {
            // What it did before it went away says nothing about what has come up.
            records[index].health = RunnerHealth()
            ejected.remove(index)
        }
        setState(.ready, ofRunnerAt: index)
        serveWaiters(ofRunnerAt: index, now: now)
        if isNews { reconsiderWaiters(now: now) }
    }

    /// Whether calls wait for a wake, and a runner with these models could serve none of them.
    private func disappoints(_ models: [ModelID: String], wake: WakeID) -> Bool {
        let waitsForIt: (Waiter) -> Bool = { $0.hope == .wake(wake) }
        return queue.contains(where: waitsForIt)
            && !queue.contains { waitsForIt($0) && $0.request.models.contains { models[$0] != nil } }
    }

    /// Nobody there: no route, no answer in time.
    /// - Parameter lastByteAt: when a byte last moved on any of its calls. One slow probe of a busy engine is not sleep.
    public mutating func runnerUnreachable(
        _ id: RunnerID, lastByteAt: ContinuousClock.Instant?, now: ContinuousClock.Instant
    ) {
        guard let index = indexByID[id] else { return }
        switch records[index].state {
        case .ready, .unknown, .down: break
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
        case .ready, .unknown, .lost:
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

    // MARK: Wakes

    /// One wake per machine. Among equals the machine with the shortest learned boot time is woken; one that did not
    /// wake up last time, or never has, comes after those that did.
    mutating func startWake(
        bestOf indices: [Int], _ request: PlacementRequest, now: ContinuousClock.Instant
    ) -> WakeID {
        let best = indices.min { left, right in
            let (a, b) = (records[left], records[right])
            let tiers = [a, b].map {
                Balancer.tier(of: $0.runner.machineType, among: request.preferredMachineTypes)
            }
            if tiers[0] != tiers[1] { return tiers[0] < tiers[1] }
            if a.state != b.state { return a.state == .asleep }
            return switch (a.bootTime.mean, b.bootTime.mean) {
            case (let left?, let right?): left < right
            case (let left, _): left != nil
            }
        }
        let index = best ?? indices[0]
        let wake = WakeState(
            id: makeWakeID(), now: now, timeout: configuration.wakeTimeout, offset: configuration.packetOffset)
        records[index].wake = wake
        records[index].wakeNotBefore = nil
        waking.insert(index)
        setState(.waking, ofRunnerAt: index)
        effects.append(.wakeStarted(records[index].runner.id, wake.id))
        sendDuePacket(ofRunnerAt: index, isWanted: true, now: now)
        return wake.id
    }

    mutating func advanceWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let wake = records[index].wake else { return }
        guard now < wake.deadline else { return failWake(wake, ofRunnerAt: index, now: now) }
        sendDuePacket(
            ofRunnerAt: index, isWanted: queue.contains { $0.hope == .wake(wake.id) }, now: now)
    }

    /// A wake that nobody waits for any more sends no more packets, but is not called off: the machine boots anyway.
    private mutating func sendDuePacket(ofRunnerAt index: Int, isWanted: Bool, now: ContinuousClock.Instant) {
        guard var wake = records[index].wake else { return }
        let due = wake.takeDuePacket(now: now, offset: configuration.packetOffset)
        records[index].wake = wake
        if let due, isWanted {
            effects.append(.sendPacket(records[index].runner.id, wake: wake.id, number: due))
        }
    }

    private mutating func failWake(_ wake: WakeState, ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        endWake(ofRunnerAt: index, succeeded: false, now: now)
        records[index].wakeNotBefore = now.advanced(by: configuration.wakeBackOff)
        setState(.wakeFailed, ofRunnerAt: index)
        let retry = min(max(records[index].bootTime.mean ?? .seconds(30), .seconds(1)), .seconds(60))
        let error = GatewayError(
            .wakeTimeout, "The machine did not wake up within \(configuration.wakeTimeout).", retry: .after(retry),
            cause: "wake \(wake.id) of \(records[index].runner.id): \(wake.packets) packets, no answer")
        reconsiderWaiters(now: now, failure: (error, wake.id, index))
    }

    /// The runner leaves while its machine is being woken: nobody waits for it any more.
    mutating func abandonWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard records[index].wake != nil else { return }
        endWake(ofRunnerAt: index, succeeded: false, now: now)
        setState(.lost, ofRunnerAt: index)
    }

    private mutating func endWake(ofRunnerAt index: Int, succeeded: Bool, now: ContinuousClock.Instant) {
        guard let wake = records[index].wake else { return }
        records[index].wake = nil
        waking.remove(index)
        let time = wake.startedAt.duration(to: now)
        if succeeded { records[index].bootTime.learn(time) }
        effects.append(.wakeEnded(records[index].runner.id, wake.id, after: time, succeeded: succeeded))
    }

    mutating func setState(_ state: RunnerState, ofRunnerAt index: Int) {
        let old = records[index].state
        guard old != state else { return }
        records[index].state = state
        updateRank(ofRunnerAt: index)
        effects.append(.stateChanged(records[index].runner.id, from: old, to: state))
    }
}
