import SimpleAICore

/// What lists, metrics and explanations show of the fleet, copied at one moment.
///
/// It is taken under the scheduler's lock and evaluated outside. It shares no storage that calls change, so the next
/// event copies nothing.
struct SchedulerView: Sendable {
    struct RunnerView: Sendable {
        let index: Int
        let runner: Runner
        let occupancy: Occupancy
        /// The engine's own id of each public model id.
        let models: [ModelID: EngineModelID]
        let bootTime: BootTime
        /// Expected time until it can serve; nil unless it is asleep or waking and a wake has succeeded before.
        let wakeETA: Duration?
        /// Whether the next wake waits for the backoff after a failed one.
        let isWakeBackingOff: Bool
        let lastWake: SchedulerSnapshot.LastWake?
        let reason: OperatorReason?
        let isSleepable: Bool
        let isFallingAsleep: Bool
        let sleepProblem: OperatorReason?
        /// Nil for static runners.
        let agent: AgentView?

        /// Whether a model is in memory; assumed for static runners, whose engines do not report it.
        func hasLoaded(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.loadedModels.contains(engineModel) ?? true
        }

        func canServeNow(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return hasLoaded(model) && !(agent?.blockedModels.contains(engineModel) ?? false)
        }
    }

    struct AgentView: Sendable {
        /// The engine's models in memory.
        let loadedModels: Set<EngineModelID>
        /// The model of the load in progress.
        let loading: EngineModelID?
        /// Models that get no new calls during the load.
        let blockedModels: Set<EngineModelID>
        /// Models whose next load waits for the backoff after a failed one.
        let modelsBackingOff: Set<EngineModelID>
    }

    /// All runners except those that are leaving.
    let runners: [RunnerView]
    let leases: Int
    let waiting: Int
    let doubleReturns: Int
}

/// The queries: they start nothing and change nothing.
extension SchedulerState {
    func view(now: ContinuousClock.Instant) -> SchedulerView {
        var runners: [SchedulerView.RunnerView] = []
        runners.reserveCapacity(records.count)
        for index in records.indices where !placement[index].isLeaving {
            runners.append(records[index].view(at: index, placement[index], now: now))
        }
        return SchedulerView(
            runners: runners, leases: leases.count, waiting: queue.count, doubleReturns: leases.doubleReturns)
    }

    /// Whether a runner has served a call since it was added.
    func hasServed(_ id: RunnerID) -> Bool {
        index(of: id).map { placement[$0].hasServed } ?? false
    }
}

extension SchedulerState.Record {
    fileprivate func view(
        at index: Int, _ occupancy: Occupancy, now: ContinuousClock.Instant
    ) -> SchedulerView.RunnerView {
        .init(
            index: index, runner: runner, occupancy: occupancy, models: models, bootTime: wakes.bootTime,
            wakeETA: [.asleep, .waking].contains(occupancy.state) ? wakes.eta(now: now) : nil,
            isWakeBackingOff: wakes.isBackingOff(now: now),
            lastWake: wakes.last.map { .init(id: $0.id, age: $0.startedAt.duration(to: now), outcome: $0.outcome) },
            reason: liveness.reason, isSleepable: sleep.isSleepable, isFallingAsleep: sleep.isFallingAsleep,
            sleepProblem: sleep.problem, agent: agent.map { SchedulerView.AgentView($0, now: now) })
    }
}

extension SchedulerView.AgentView {
    fileprivate init(_ agent: AgentState, now: ContinuousClock.Instant) {
        self.init(
            loadedModels: agent.loads.residency.loaded, loading: agent.loads.current?.engineModel,
            blockedModels: agent.loads.current?.blockedModels ?? [],
            modelsBackingOff: Set(agent.loads.notBefore.lazy.filter { $0.value > now }.map(\.key)))
    }
}
