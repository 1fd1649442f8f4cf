public import SimpleAICore

/// What the scheduler knows at one moment, for lists, metrics and the state file.
public struct SchedulerSnapshot: Hashable, Sendable {
    public struct RunnerStatus: Hashable, Sendable {
        public let runner: Runner
        public let state: RunnerState
        /// Public id to the engine's own.
        public let models: [ModelID: String]
        public let active: Int
        /// Failed so often that it gets no calls, or one at a time on trial.
        public let isEjected: Bool
        public let bootTime: BootTime
        /// How long until it can probably serve; nil unless it sleeps or wakes and a wake has been seen through before.
        public let wakeETA: Duration?
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
                var eta: Duration?
                if record.state == .asleep { eta = record.bootTime.mean }
                if let wake = record.wake, let mean = record.bootTime.mean {
                    eta = max(.zero, mean - wake.startedAt.duration(to: now))
                }
                return SchedulerSnapshot.RunnerStatus(
                    runner: record.runner, state: record.state, models: record.models, active: record.active,
                    isEjected: !record.health.isInService, bootTime: record.bootTime, wakeETA: eta)
            },
            leases: leases.count, waiting: queue.count, doubleReturns: leases.doubleReturns)
    }
}
