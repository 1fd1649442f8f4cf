import SimpleAICore

/// Decides what a call that cannot be served now may wait for. These are queries: `begin` starts what they decide.
extension SchedulerState {
    enum Admission {
        /// A slot of a runner with a model in memory.
        /// - Parameter alsoLoading: another runner that loads the model meanwhile, because all slots are in use.
        case slot(alsoLoading: LoadChoice?)
        /// Something that is in progress: a load, a wake, a probe, or an engine that is loading.
        case inProgress(Waiter.WaitReason)
        /// A load that this call starts.
        case load(LoadChoice)
        /// The wake of a machine that this call starts.
        case wake(runnerAt: Int)
        case refused(GatewayError)
    }

    /// A model and the runner that loads it.
    typealias LoadChoice = (index: Int, engineModel: EngineModelID)

    /// Decides what the call may wait for.
    /// - Parameter failedWakes: the runners whose machines did not wake up while this call waited for them. The call
    ///   does not wait for them again: otherwise two machines that never boot could keep it waiting forever.
    func admission(
        for request: PlacementRequest, failedWakes: Set<Int> = [], failedLoads: Set<Int> = [],
        now: ContinuousClock.Instant
    ) -> Admission {
        let indices = placement.permitted(for: request)
        if indices.contains(where: {
            placement[$0].state == .ready && records[$0].firstLoaded(of: request.models) != nil
        }) {
            return .slot(
                alsoLoading: placement.hasLoadableModels ? additionalLoader(request, among: indices, now: now) : nil)
        }
        if placement.hasLoadableModels,
            let admission = loadAdmission(request, among: indices, failedLoads: failedLoads, now: now)
        {
            return admission
        }
        if indices.contains(where: { placement[$0].state == .loading }) { return .inProgress(.loading) }
        if indices.contains(where: { [.unknown, .checking].contains(placement[$0].state) })
            || mayListAnyModel(for: request)
        {
            return .inProgress(.probe)
        }
        let sleeping = indices.filter { !failedWakes.contains($0) }
        if let wake = sleeping.lazy.compactMap({ records[$0].wake?.id }).first { return .inProgress(.wake(wake)) }

        let wakeable = sleeping.filter { canBeginWake(ofRunnerAt: $0, now: now) }
        if request.mayWake, let best = bestWake(among: wakeable, for: request) { return .wake(runnerAt: best) }
        return .refused(refusal(of: request, indices: indices, isAsleep: !wakeable.isEmpty, now: now))
    }

    /// Whether the models of a runner that the call permits are still unknown.
    private func mayListAnyModel(for request: PlacementRequest) -> Bool {
        records.indices.contains {
            placement[$0].state == .unknown && !records[$0].modelsAreKnown && !placement[$0].isLeaving
                && request.allows(records[$0].runner.id)
        }
    }

    func refusal(
        of request: PlacementRequest, indices: [Int], isAsleep: Bool, now: ContinuousClock.Instant
    ) -> GatewayError {
        let known = Set(request.models.flatMap(placement.runners(listing:)))
        if known.isEmpty, request.isExact, let model = request.models.first {
            return GatewayError(
                .modelNotFound, "Unknown model \"\(model)\". GET /v1/models lists the models you can use.",
                param: "model")
        }
        if isAsleep {
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
        let failed = indices.filter { [.wakeFailed, .down, .asleep].contains(placement[$0].state) }
        if let soonest = failed.compactMap({ records[$0].wakes.notBefore }).min() {
            return GatewayError(
                .wakeFailed, "The machine that serves this model did not wake up. Retry later.",
                retry: .after(max(.seconds(1), now.duration(to: soonest))))
        }
        let states = known.sorted().map { "\(records[$0].runner.id) \(placement[$0].state.rawValue)" }
        return GatewayError(
            .noRunnerAvailable, "No runner that serves this model is available. Retry later.",
            retry: .after(.seconds(10)),
            cause: states.isEmpty ? "no runner lists it" : states.joined(separator: ", "))
    }

    /// The deadline of a wait. The time for a loading engine starts with the first such wait: a trial call in between
    /// does not extend it.
    func deadline(
        of kind: Waiter.WaitReason.Kind, for request: PlacementRequest, _ now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant {
        switch kind {
        case .loading: (request.loadingSince ?? now).advanced(by: configuration.wakeTimeout)
        case .slot, .probe: now.advanced(by: configuration.queueTimeout)
        case .wake: now.advanced(by: configuration.wakeTimeout)
        case .load: now.advanced(by: configuration.loadTimeout)
        }
    }

    /// Starts the load or the wake that the decision requires.
    mutating func begin(
        _ admission: Admission, now: ContinuousClock.Instant
    ) -> Result<Waiter.WaitReason, GatewayError> {
        switch admission {
        case .slot(let loader):
            if let loader { _ = startLoad(loader, now: now) }
            return .success(.slot)
        case .inProgress(let waitReason): return .success(waitReason)
        case .load(let loader): return .success(.load(startLoad(loader, now: now)))
        case .wake(let index): return .success(.wake(startWake(ofRunnerAt: index, now: now)))
        case .refused(let error): return .failure(error)
        }
    }
}

extension SchedulerState.Admission {
    /// What the call waits for; nil if it is refused.
    var kind: Waiter.WaitReason.Kind? {
        switch self {
        case .slot: .slot
        case .inProgress(let waitReason): waitReason.kind
        case .load: .load
        case .wake: .wake
        case .refused: nil
        }
    }
}
