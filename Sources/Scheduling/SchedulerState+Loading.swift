import SimpleAICore

/// Loads models that a runner has, but not in memory.
extension SchedulerState {
    // MARK: Choice of the loading runner

    /// The load that a call waits for if its model is in no runner's memory: a load of the model that is in progress or
    /// is started now, or, if all capable runners are loading other models, one of those loads.
    mutating func findLoad(
        _ request: PlacementRequest, among indices: [Int], failedLoads: Set<Int>, now: ContinuousClock.Instant
    ) -> CommandID? {
        let able = indices.filter { index in
            records[index].state == .ready && !failedLoads.contains(index)
                && modelToLoad(for: request, onRunnerAt: index, now: now) != nil
        }
        if let load = loadUnderWay(of: request, among: able) { return load }
        if let best = bestLoader(of: able.filter { records[$0].agent?.load == nil }, request, now: now) {
            return startLoad(best.engineModel, onRunnerAt: best.index, now: now)
        }
        return able.compactMap { records[$0].agent?.load?.id }.first
    }

    /// Starts a load on another runner if every runner that has the model in memory is full, and nothing has to be
    /// unloaded for it.
    mutating func loadElsewhere(
        for request: PlacementRequest, among indices: [Int], now: ContinuousClock.Instant
    ) {
        let able = indices.filter { index in
            records[index].canTakeCall && modelToLoad(for: request, onRunnerAt: index, now: now) != nil
        }
        guard !able.isEmpty, loadUnderWay(of: request, among: able) == nil else { return }
        let free = able.filter { index in
            guard let agent = records[index].agent, agent.load == nil,
                let model = modelToLoad(for: request, onRunnerAt: index, now: now)
            else { return false }
            return agent.residency.eviction(for: model) == .notNeeded
        }
        if let best = bestLoader(of: free, request, now: now) {
            _ = startLoad(best.engineModel, onRunnerAt: best.index, now: now)
        }
    }

    private func loadUnderWay(of request: PlacementRequest, among indices: [Int]) -> CommandID? {
        for index in indices {
            guard let load = records[index].agent?.load else { continue }
            if request.models.contains(where: { records[index].models[$0] == load.engineModel }) { return load.id }
        }
        return nil
    }

    /// The first requested model that the runner would have to load, and that it has not recently failed to load.
    private func modelToLoad(
        for request: PlacementRequest, onRunnerAt index: Int, now: ContinuousClock.Instant
    ) -> EngineModelID? {
        guard let agent = records[index].agent else { return nil }
        return request.models.lazy.compactMap { records[index].models[$0] }.first { model in
            !agent.canServeNow(model) && agent.loadsNotBefore[model].map { $0 <= now } ?? true
        }
    }

    /// The best runner to load the model: by tier, then by the number of models to unload, then by calls in progress.
    private func bestLoader(
        of indices: [Int], _ request: PlacementRequest, now: ContinuousClock.Instant
    ) -> (index: Int, engineModel: EngineModelID)? {
        let choices = indices.compactMap { index in
            modelToLoad(for: request, onRunnerAt: index, now: now).map { (index, $0) }
        }
        func cost(_ choice: (index: Int, engineModel: EngineModelID)) -> (Int, Int, Int, UInt64) {
            let record = records[choice.index]
            let tier = Balancer.tier(of: record.runner.machineType, among: request.preferredMachineTypes)
            let unloadCount =
                switch record.agent?.residency.eviction(for: choice.engineModel) {
                case .notNeeded: 0
                case .unload(let models): models.count
                case .unknown, nil: record.active > 0 ? Int.max : 1
                }
            return (tier, unloadCount, record.active, record.lastPicked)
        }
        return choices.min { cost($0) < cost($1) }
    }

    /// When the next attempt to load one of the models is due after a failure; nil if none failed.
    func nextLoadAttempt(
        _ request: PlacementRequest, among indices: [Int], now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        indices.filter { records[$0].state == .ready }.flatMap { index in
            request.models.compactMap { model in
                records[index].models[model].flatMap { records[index].agent?.loadsNotBefore[$0] }
            }
        }.filter { $0 > now }.min()
    }

    // MARK: One load

    private mutating func startLoad(
        _ engineModel: EngineModelID, onRunnerAt index: Int, now: ContinuousClock.Instant
    ) -> CommandID {
        let id = makeCommandID()
        let residency = records[index].agent?.residency ?? ModelResidency()
        let load = LoadState(
            id: id, engineModel: engineModel, deadline: now.advanced(by: configuration.loadTimeout), residency)
        records[index].agent?.load = load
        trackDeadline(index)
        if !load.blockedModels.isEmpty {
            hasModelsBlockedByLoad = true
            reindex(index)
        }
        advanceLoad(onRunnerAt: index)
        return id
    }

    /// Starts the next step of the load once no call in progress prevents it.
    mutating func advanceLoad(onRunnerAt index: Int) {
        guard let agent = records[index].agent, var load = agent.load, load.stage == .clearing,
            load.blockedModels.allSatisfy({ agent.residency.activeCalls(on: $0) == 0 })
        else { return }
        let request = makeCommandID()
        let runner = records[index].runner.id
        if let victim = load.victims.first {
            load.stage = .unloading(request, victim)
            effects.append(.unloadModel(runner, engineModel: victim, request))
        } else {
            load.stage = .loading(request)
            effects.append(.loadModel(runner, engineModel: load.engineModel, request))
        }
        records[index].agent?.load = load
    }

    mutating func loadCompleted(
        _ index: Int, _ request: CommandID, failure: String?, now: ContinuousClock.Instant
    ) {
        guard var load = records[index].agent?.load else { return }
        switch load.stage {
        case .loading(request):
            if let failure { return failLoad(onRunnerAt: index, failure, now: now) }
            records[index].agent?.residency.loaded(load.engineModel)
            finishLoad(onRunnerAt: index, now: now)
        case .unloading(request, let victim):
            if let failure { return failLoad(onRunnerAt: index, failure, now: now) }
            records[index].agent?.residency.unloaded(victim)
            load.victims.removeFirst()
            load.stage = .clearing
            records[index].agent?.load = load
            reindex(index)
            advanceLoad(onRunnerAt: index)
        default: return
        }
    }

    /// Ends the load if a status report already lists the model: the report may arrive before the command's result.
    mutating func finishLoadIfLoaded(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let agent = records[index].agent, let load = agent.load, case .loading = load.stage,
            agent.residency.loaded.contains(load.engineModel)
        else { return }
        finishLoad(onRunnerAt: index, now: now)
    }

    private mutating func finishLoad(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let load = records[index].agent?.load else { return }
        records[index].agent?.load = nil
        records[index].agent?.loadsNotBefore[load.engineModel] = nil
        loadEnded(onRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
    }

    /// Ends a load as failed: the next attempt waits for the backoff, and the calls that waited for it do not wait for
    /// a load on this runner again.
    private mutating func failLoad(onRunnerAt index: Int, _ reason: String, now: ContinuousClock.Instant) {
        guard let load = records[index].agent?.load else { return }
        let retryAt = now.advanced(by: configuration.loadBackoff)
        records[index].agent?.load = nil
        records[index].agent?.loadsNotBefore[load.engineModel] = retryAt
        let runner = records[index].runner.id
        effects.append(.loadFailed(runner, engineModel: load.engineModel, reason: reason))
        loadEnded(onRunnerAt: index, now: now)
        let error = GatewayError(
            .noRunnerAvailable, "The model could not be loaded.", retry: .after(configuration.loadBackoff),
            cause: "\(load.engineModel) on \(runner): \(reason)")
        reconsiderWaiters(now: now, failedLoad: FailedLoad(load: load, index: index, error: error))
    }

    private mutating func loadEnded(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        trackDeadline(index)
        reindex(index)
        serveWaiters(ofRunnerAt: index, now: now)
        records[index].agent?.idleSince = nil
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    mutating func expireLoad(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        guard let load = records[index].agent?.load, load.deadline <= now else { return }
        failLoad(onRunnerAt: index, "loading timed out after \(configuration.loadTimeout)", now: now)
    }

    /// A failed load.
    struct FailedLoad {
        let load: LoadState
        let index: Int
        let error: GatewayError
    }
}
