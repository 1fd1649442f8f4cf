public import SimpleAICore

/// The scheduler's state at one moment, for lists, metrics and the state file.
public struct SchedulerSnapshot: Hashable, Sendable {
    public struct RunnerStatus: Hashable, Sendable {
        public let runner: Runner
        public let state: RunnerState
        /// The engine's own id of each public model id.
        public let models: [ModelID: EngineModelID]
        /// Models in memory; calls for the others make the engine load them first.
        public let loaded: Set<ModelID>
        public let active: Int
        /// Whether it failed so often that it gets no calls, or one at a time on trial.
        public let isEjected: Bool
        /// Whether its machine can be put to sleep.
        public let isSleepable: Bool
        public let bootTime: BootTime
        /// Expected time until it can serve; nil unless it is asleep or waking and a wake has succeeded before.
        public let wakeETA: Duration?
        /// The model that its agent was commanded to load and has not loaded yet, by the engine's own id.
        public let loading: EngineModelID?
        /// Whether a sleep command was sent and the machine may still be awake.
        public let isFallingAsleep: Bool
        /// Why its machine did not fall asleep after the last sleep command.
        public let sleepProblem: OperatorReason?
        /// Why it cannot serve, according to the latest evidence; nil if it can, or was put to sleep.
        public let reason: OperatorReason?
        /// The latest wake of its machine; nil if this gateway has started none.
        public let lastWake: LastWake?
        /// Whether an agent has registered it.
        public let isAgent: Bool
    }

    /// The latest wake of a machine.
    public struct LastWake: Hashable, Sendable {
        public let id: WakeID
        /// Time since its start.
        public let age: Duration
        /// Its duration and result; nil while it is in progress.
        public let outcome: PreviousWake.Outcome?
    }

    public let runners: [RunnerStatus]
    public let leases: Int
    public let waiting: Int
    public let doubleReturns: Int
}

extension SchedulerSnapshot {
    init(_ view: SchedulerView) {
        self.init(
            runners: view.runners.map(RunnerStatus.init), leases: view.leases, waiting: view.waiting,
            doubleReturns: view.doubleReturns)
    }
}

extension SchedulerSnapshot.RunnerStatus {
    fileprivate init(_ view: SchedulerView.RunnerView) {
        self.init(
            runner: view.runner, state: view.occupancy.state, models: view.models,
            loaded: Set(view.models.keys.filter(view.hasLoaded)), active: view.occupancy.active,
            isEjected: view.occupancy.isEjected, isSleepable: view.isSleepable, bootTime: view.bootTime,
            wakeETA: view.wakeETA, loading: view.agent?.loading, isFallingAsleep: view.isFallingAsleep,
            sleepProblem: view.sleepProblem, reason: view.reason, lastWake: view.lastWake,
            isAgent: view.agent != nil)
    }
}

extension SchedulerState {
    public func snapshot(now: ContinuousClock.Instant) -> SchedulerSnapshot { SchedulerSnapshot(view(now: now)) }
}
