import SimpleAICore

/// Decides what a call that cannot be served now may wait for, and handles the passing of time.
extension SchedulerState {
    enum Admission {
        case waitReason(Waiter.WaitReason)
        case none(GatewayError)
    }

    /// Decides what the call may wait for; starts a load or a wake if no runner can serve it otherwise.
    /// - Parameter failedWakes: the runners whose machines did not wake up while this call waited for them. The call
    ///   does not wait for them again: otherwise two machines that never boot could keep it waiting forever.
    mutating func admission(
        for request: PlacementRequest, failedWakes: Set<Int> = [], failedLoads: Set<Int> = [],
        now: ContinuousClock.Instant
    ) -> Admission {
        let known = Set(request.models.flatMap(runners(listing:)))
        let indices = known.sorted().filter { request.allows(records[$0].runner.id) }
        let states = indices.map { records[$0].state }

        if indices.contains(where: {
            records[$0].state == .ready && records[$0].firstLoaded(of: request.models) != nil
        }) {
            if !loadable.isEmpty { loadElsewhere(for: request, among: indices, now: now) }
            return .waitReason(.slot)
        }
        if !loadable.isEmpty,
            let load = findLoad(request, among: indices, failedLoads: failedLoads, now: now)
        {
            return .waitReason(.load(load))
        }
        if states.contains(.loading) { return .waitReason(.loading) }
        if states.contains(.unknown) || states.contains(.checking)
            || records.contains(where: {
                $0.state == .unknown && !$0.modelsAreKnown && !$0.isLeaving && request.allows($0.runner.id)
            })
        {
            return .waitReason(.probe)
        }
        let sleeping = indices.filter { !failedWakes.contains($0) }
        if let wake = sleeping.compactMap({ records[$0].wake?.id }).first { return .waitReason(.wake(wake)) }

        let wakeable = sleeping.filter { canBeginWake(ofRunnerAt: $0, now: now) }
        if !wakeable.isEmpty, request.mayWake {
            return .waitReason(.wake(startWake(bestOf: wakeable, request, now: now)))
        }
        return .none(refusal(of: request, known: known, indices: indices, wakeable: wakeable, now: now))
    }

    private func refusal(
        of request: PlacementRequest, known: Set<Int>, indices: [Int], wakeable: [Int], now: ContinuousClock.Instant
    ) -> GatewayError {
        if known.isEmpty, request.isExact, let model = request.models.first {
            return GatewayError(
                .modelNotFound, "Unknown model \"\(model)\". GET /v1/models lists the models you can use.",
                param: "model")
        }
        if !wakeable.isEmpty {
            return GatewayError(
                .noRunnerAvailable,
                "The machine that serves this model is asleep, and your roles do not permit waking it.",
                retry: .after(.seconds(60)))
        }
        if let next = nextLoadAttempt(request, among: indices, now: now) {
            return GatewayError(
                .noRunnerAvailable, "The model could not be loaded. Retry later.",
                retry: .after(max(.seconds(1), now.duration(to: next))))
        }
        let failed = indices.filter { [.wakeFailed, .down, .asleep].contains(records[$0].state) }
        if let soonest = failed.compactMap({ records[$0].wakeNotBefore }).min() {
            return GatewayError(
                .wakeFailed, "The machine that serves this model did not wake up. Retry later.",
                retry: .after(max(.seconds(1), now.duration(to: soonest))))
        }
        let states = known.sorted().map { "\(records[$0].runner.id) \(records[$0].state.rawValue)" }
        return GatewayError(
            .noRunnerAvailable, "No runner that serves this model is available. Retry later.",
            retry: .after(.seconds(10)),
            cause: states.isEmpty ? "no runner lists it" : states.joined(separator: ", "))
    }

    private func canBeginWake(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> Bool {
        let record = records[index]
        guard configuration.wakeEnabled, record.runner.canBeWoken, !record.isLeaving,
            record.wakeNotBefore.map({ $0 <= now }) ?? true
        else { return false }
        switch record.state {
        case .asleep, .wakeFailed: return true
        // Another process may respond at the address of a sleeping machine. That is ruled out while its agent is
        // connected or it has calls in progress.
        case .down: return record.active == 0 && !(record.agent?.isConnected ?? false)
        case .unknown, .ready, .checking, .loading, .waking, .lost: return false
        }
    }

    /// Wakes the machines of `speculative_wake` in addition to the one that a call waits for; the first that can serve
    /// gets the call.
    mutating func wakeSpeculatively(for waiter: inout Waiter, now: ContinuousClock.Instant) {
        let request = waiter.request
        guard !request.speculativeWakes.isEmpty else { return }
        let failed = waiter.failedWakes
        let targets = Set(request.models.flatMap(runners(listing:))).sorted().filter { index in
            let runner = records[index].runner
            return !failed.contains(index) && request.allows(runner.id)
                && request.speculativeWakes.contains { $0.names(runner.id) || $0.names(runner.machineType) }
        }
        for index in targets {
            if let wake = records[index].wake {
                waiter.alsoWait(for: wake.id)
            } else if request.mayWake, canBeginWake(ofRunnerAt: index, now: now) {
                waiter.alsoWait(for: startWake(ofRunnerAt: index, isWanted: true, now: now))
            }
        }
    }

    /// The deadline of a wait. The time for a loading engine starts with the first such wait: a trial call in between
    /// does not extend it.
    func deadline(
        of waitReason: Waiter.WaitReason, for request: PlacementRequest, _ now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant {
        switch waitReason {
        case .loading: (request.loadingSince ?? now).advanced(by: configuration.wakeTimeout)
        case .slot, .probe: now.advanced(by: configuration.queueTimeout)
        case .wake: now.advanced(by: configuration.wakeTimeout)
        case .load: now.advanced(by: configuration.loadTimeout)
        }
    }

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
        var waiting = WaitQueue()
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
            switch admission(
                for: waiter.request, failedWakes: waiter.failedWakes, failedLoads: waiter.failedLoads, now: now)
            {
            case .waitReason(let waitReason):
                if waitReason.hasOwnDeadline || waiter.waitReason.hasOwnDeadline, waitReason != waiter.waitReason {
                    waiter.deadline = deadline(of: waitReason, for: waiter.request, now)
                }
                waiter.waitReason = waitReason
                if case .wake(let id) = waitReason {
                    waiter.startWaiting(for: id)
                    wakeSpeculatively(for: &waiter, now: now)
                }
                return true
            case .none(let error):
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
        guard ejected.contains(where: { records[$0].hasFreeSlot }) else { return }
        var waiting = WaitQueue()
        swap(&waiting, &queue)
        while let index = firstChoiceAmongEjected(of: waiting) {
            let record = records[index]
            let next = waiting.takeNext(
                for: record.runner.id, at: index, couldServe: { record.firstLoaded(of: $0) != nil },
                canServe: { pickAmongEjected(for: $0.request)?.index == index })
            guard let waiter = next, let choice = pickAmongEjected(for: waiter.request) else { break }
            grant(choice, to: waiter, now: now)
        }
        swap(&waiting, &queue)
    }

    private func firstChoiceAmongEjected(of waiting: WaitQueue) -> Int? {
        var first: Int?
        _ = waiting.contains { waiter in
            if let choice = pickAmongEjected(for: waiter.request) { first = min(first ?? .max, choice.index) }
            return false
        }
        return first
    }

    /// Handles deadlines of waiting calls, packets that are due, and wakes that timed out.
    public mutating func timePassed(now: ContinuousClock.Instant) {
        for index in waking.sorted() { advanceWake(ofRunnerAt: index, now: now) }
        for index in agentsWithDeadline.sorted() { advanceAgent(ofRunnerAt: index, now: now) }
        for index in runnersWithScheduledTrial.sorted() { startTrial(ofRunnerAt: index, now: now) }
        for index in ejected.sorted() { endEjection(ofRunnerAt: index, now: now) }
        sleepIdleMachines(now: now)
        var late: [SchedulerEffect] = []
        let timeouts = (
            queue: configuration.queueTimeout, wake: configuration.wakeTimeout, load: configuration.loadTimeout
        )
        queue.reconsider { waiter in
            guard waiter.deadline <= now else { return true }
            let error =
                switch waiter.waitReason {
                case .slot:
                    GatewayError(
                        .queueFull, "No slot became free within \(timeouts.queue). Retry later.",
                        retry: .after(.seconds(5)))
                case .probe:
                    GatewayError(
                        .noRunnerAvailable, "No runner that serves this model has been probed yet. Retry later.",
                        retry: .after(.seconds(5)))
                case .loading:
                    GatewayError(
                        .noRunnerAvailable, "The engine was still loading after \(timeouts.wake).",
                        retry: .after(.seconds(30)))
                case .load:
                    GatewayError(
                        .noRunnerAvailable, "Loading the model timed out after \(timeouts.load).",
                        retry: .after(.seconds(30)))
                case .wake:
                    GatewayError(
                        .wakeTimeout, "The machine did not wake up within \(timeouts.wake).",
                        retry: .after(.seconds(30)))
                }
            late.append(.reject(waiter.id, error))
            return false
        }
        effects += late
        clearTimer()
    }

    var nextDeadline: ContinuousClock.Instant? {
        let wakes = waking.compactMap { records[$0].wake.map { min($0.deadline, $0.nextPacketAt) } }
        let trials = ejected.compactMap { records[$0].health.ejectedUntil }
        let agents = agentsWithDeadline.compactMap { records[$0].agent?.nextDeadline }
        let loads = runnersWithScheduledTrial.compactMap { records[$0].trials.nextAt }
        return [queue.earliestDeadline, wakes.min(), trials.min(), loads.min(), agents.min(), nextSleepCheck].compactMap
        { $0 }.min()
    }
}
