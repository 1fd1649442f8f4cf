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
        /// The engine's models in memory; nil for static runners, whose engines do not report them.
        let loadedModels: Set<EngineModelID>?
        let load: LoadState?
        let loadsNotBefore: [EngineModelID: ContinuousClock.Instant]
        let bootTime: BootTime
        /// Expected time until it can serve; nil unless it is asleep or waking and a wake has succeeded before.
        let wakeETA: Duration?
        let wakeNotBefore: ContinuousClock.Instant?
        let lastWake: PreviousWake?
        let reason: OperatorReason?
        let isSleepable: Bool
        let isFallingAsleep: Bool
        let sleepProblem: OperatorReason?

        var isAgent: Bool { loadedModels != nil }

        /// Whether a model is in memory; assumed for static runners.
        func hasLoaded(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return loadedModels?.contains(engineModel) ?? true
        }

        func canServeNow(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return hasLoaded(model) && !(load?.blockedModels.contains(engineModel) ?? false)
        }
    }

    /// All runners except those that are leaving.
    let runners: [RunnerView]
    let leases: Int
    let waiting: Int
    let doubleReturns: Int
    let now: ContinuousClock.Instant
}

/// The queries: they start nothing and change nothing.
extension SchedulerState {
    func view(now: ContinuousClock.Instant) -> SchedulerView {
        SchedulerView(
            runners: records.indices.filter { !placement[$0].isLeaving }.map { view(ofRunnerAt: $0, now: now) },
            leases: leases.count, waiting: queue.count, doubleReturns: leases.doubleReturns, now: now)
    }

    private func view(ofRunnerAt index: Int, now: ContinuousClock.Instant) -> SchedulerView.RunnerView {
        let (record, occupancy) = (records[index], placement[index])
        let hasETA = record.wake != nil || occupancy.state == .asleep
        return .init(
            index: index, runner: record.runner, occupancy: occupancy, models: record.models,
            loadedModels: record.agent?.loads.residency.loaded, load: record.load,
            loadsNotBefore: record.agent?.loads.notBefore ?? [:], bootTime: record.wakes.bootTime,
            wakeETA: hasETA ? record.wakes.eta(now: now) : nil, wakeNotBefore: record.wakes.notBefore,
            lastWake: record.wakes.last, reason: record.liveness.reason,
            isSleepable: record.agent?.sleep.isSleepable ?? false,
            isFallingAsleep: record.agent?.sleep.pending != nil, sleepProblem: record.agent?.sleep.problem)
    }

    /// Whether a runner has served a call since it was added.
    func hasServed(_ id: RunnerID) -> Bool {
        index(of: id).map { placement[$0].hasServed } ?? false
    }
}
