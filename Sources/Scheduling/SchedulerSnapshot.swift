public import SimpleAICore

/// What the scheduler knows at one moment, for lists, metrics and the state file.
public struct SchedulerSnapshot: Hashable, Sendable {
    public struct RunnerStatus: Hashable, Sendable {
        public let runner: Runner
        public let state: RunnerState
        /// Public id to the engine's own.
        public let models: [ModelID: EngineModelID]
        /// Models that are in memory, as far as anybody knows; calls for the others make its engine load them first.
        public let loaded: Set<ModelID>
        public let active: Int
        /// Failed so often that it gets no calls, or one at a time on trial.
        public let isEjected: Bool
        /// Whether its machine can be put to sleep.
        public let isSleepable: Bool
        public let bootTime: BootTime
        /// How long until it can probably serve; nil unless it sleeps or wakes and a wake has been seen through before.
        public let wakeETA: Duration?
        /// What its agent was asked to load, by the engine's own id, and has not loaded yet.
        public let loading: EngineModelID?
        /// It was told to sleep, and its agent is still connected.
        public let isFallingAsleep: Bool
        /// Why its machine did not go to sleep when it was last told to.
        public let sleepProblem: String?
        /// Of its machine; nil where this gateway has begun none.
        public let lastWake: LastWake?
        /// Whether it dials in by itself.
        public let isAgent: Bool
    }

    /// The wake of a machine that was begun last.
    public struct LastWake: Hashable, Sendable {
        public let id: WakeID
        /// Since its beginning.
        public let age: Duration
        /// How long it took, and whether the machine came; nil as long as it is under way.
        public let outcome: PastWake.Outcome?
    }

    public let runners: [RunnerStatus]
    public let leases: Int
    public let waiting: Int
    public let doubleReturns: Int
}

extension SchedulerState {
    public func snapshot(now: ContinuousClock.Instant) -> SchedulerSnapshot {
        SchedulerSnapshot(
            runners: records.filter { !$0.isLeaving }.map { record in
                SchedulerSnapshot.RunnerStatus(
                    runner: record.runner, state: record.state, models: record.models,
                    loaded: Set(record.models.keys.filter(record.hasLoaded)), active: record.active,
                    isEjected: record.isEjected,
                    isSleepable: record.agent?.isSleepable ?? false, bootTime: record.bootTime,
                    wakeETA: record.wakeETA(now: now), loading: record.agent?.load?.engineModel,
                    isFallingAsleep: record.agent?.sleepOrder != nil, sleepProblem: record.agent?.sleepProblem,
                    lastWake: record.lastWake.map {
                        .init(id: $0.id, age: $0.startedAt.duration(to: now), outcome: $0.outcome)
                    },
                    isAgent: record.agent != nil)
            },
            leases: leases.count, waiting: queue.count, doubleReturns: leases.doubleReturns)
    }
}

extension SchedulerState.Record {
    /// How long until it can probably serve; nil unless it sleeps or wakes and a wake has been seen through before.
    func wakeETA(now: ContinuousClock.Instant) -> Duration? {
        guard let mean = bootTime.mean else { return nil }
        if let wake { return max(.zero, mean - wake.startedAt.duration(to: now)) }
        return occupancy.state == .asleep ? mean : nil
    }
}
