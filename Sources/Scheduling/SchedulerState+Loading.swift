import SimpleAICore

/// Loads models that a runner has, but not in memory.
extension SchedulerState {
    // MARK: Choice of the loading runner

    /// The load that a call waits for if its model is in no runner's memory: a load of the model that is in progress or
    /// starts now, or, if all capable runners are loading other models, one of those loads.
    func loadAdmission(
        _ request: PlacementRequest, among indices: [Int], failedLoads: Set<Int>, now: ContinuousClock.Instant
    ) -> Admission? {
        let able = indices.filter { index in
            placement[index].state == .ready && !failedLoads.contains(index)
                && modelToLoad(for: request, onRunnerAt: index, now: now) != nil
        }
        if let load = loadInProgress(of: request, among: able) { return .inProgress(.load(load)) }
        if let best = bestLoader(of: able.filter { records[$0].load == nil }, request, now: now) { return .load(best) }
        return able.lazy.compactMap { records[$0].load?.id }.first.map { .inProgress(.load($0)) }
    }

    /// Another runner that loads the model if every runner that has it in memory is full, and nothing has to be
    /// unloaded for it.
    func additionalLoader(
        _ request: PlacementRequest, among indices: [Int], now: ContinuousClock.Instant
    ) -> LoadChoice? {
        let able = indices.filter { index in
            placement[index].canTakeCall && modelToLoad(for: request, onRunnerAt: index, now: now) != nil
        }
        guard !able.isEmpty, loadInProgress(of: request, among: able) == nil else { return nil }
        let free = able.filter { index in
            guard let loads = records[index].agent?.loads, loads.current == nil,
                let model = modelToLoad(for: request, onRunnerAt: index, now: now)
            else { return false }
            return loads.residency.eviction(for: model) == .notNeeded
        }
        return bestLoader(of: free, request, now: now)
    }

    private func loadInProgress(of request: PlacementRequest, among indices: [Int]) -> CommandID? {
        for index in indices {
            guard let load = records[index].load else { continue }
            if request.models.contains(where: { records[index].models[$0] == load.engineModel }) { return load.id }
        }
        return nil
    }

    /// The first requested model that the runner would have to load, and that it has not recently failed to load.
    private func modelToLoad(
        for request: PlacementRequest, onRunnerAt index: Int, now: ContinuousClock.Instant
    ) -> EngineModelID? {
        guard let loads = records[index].agent?.loads else { return nil }
        return request.models.lazy.compactMap { records[index].models[$0] }.first { loads.mayLoad($0, now: now) }
    }

    /// The best runner to load the model: by tier, then by the number of models to unload, then by calls in progress.
    private func bestLoader(
        of indices: [Int], _ request: PlacementRequest, now: ContinuousClock.Instant
    ) -> LoadChoice? {
        let choices = indices.compactMap { index in
            modelToLoad(for: request, onRunnerAt: index, now: now).map { (index: index, engineModel: $0) }
        }
        func cost(_ choice: LoadChoice) -> (Int, Int, Int, UInt64) {
            let (record, occupancy) = (records[choice.index], placement[choice.index])
            let tier = Balancer.tier(of: record.runner.machineType, among: request.preferredMachineTypes)
            let unloadCount =
                switch record.agent?.loads.residency.eviction(for: choice.engineModel) {
                case .notNeeded: 0
                case .unload(let models): models.count
                case .unknown, nil: occupancy.active > 0 ? Int.max : 1
                }
            return (tier, unloadCount, occupancy.active, occupancy.lastPicked)
        }
        return choices.min { cost($0) < cost($1) }
    }

    /// When the next attempt to load one of the models is due after a failure; nil if none failed.
    func nextLoadAttempt(
        _ request: PlacementRequest, among indices: [Int], now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        indices.filter { placement[$0].state == .ready }.flatMap { index in
            request.models.compactMap { model in
                records[index].models[model].flatMap { records[index].agent?.loads.notBefore[$0] }
            }
        }.filter { $0 > now }.min()
    }

    // MARK: One load

    /// - Returns: the id of the load.
    mutating func startLoad(_ choice: LoadChoice, now: ContinuousClock.Instant) -> CommandID {
        let (index, timeout) = (choice.index, configuration.loadTimeout)
        let started = records[index].agent?.loads.requested(
            choice.engineModel, timeout: timeout, &requests, now: now)
        // Only runners with an agent are chosen.
        guard let (load, command) = started else { return requests.next() }
        trackDeadlines(index)
        if !load.blockedModels.isEmpty {
            hasModelsBlockedByLoad = true
            reindex(index)
        }
        if let command { send(command, toRunnerAt: index) }
        return load.id
    }

    mutating func send(_ command: LoadMachine.Command, toRunnerAt index: Int) {
        let runner = records[index].runner.id
        switch command {
        case .unload(let model, let request):
            effects.append(.unloadModel(runner, engineModel: model, request))
        case .load(let model, let request): effects.append(.loadModel(runner, engineModel: model, request))
        }
    }

    mutating func loadCommandCompleted(
        _ index: Int, _ request: CommandID, failure: String?, now: ContinuousClock.Instant
    ) {
        let retryAt = now.advanced(by: configuration.loadBackoff)
        switch records[index].agent?.loads.commandCompleted(
            request, succeeded: failure == nil, retryAt: retryAt, &requests)
        {
        case nil, .ignored: return
        case .unloaded(let next):
            reindex(index)
            if let next { send(next, toRunnerAt: index) }
        case .loaded: loadSucceeded(onRunnerAt: index, now: now)
        case .failed(let load): loadFailed(load, onRunnerAt: index, failure ?? "", now: now)
        }
    }

    /// Ends the load if the status report already lists the model.
    mutating func statusApplied(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        if records[index].agent?.loads.statusApplied() ?? false { loadSucceeded(onRunnerAt: index, now: now) }
    }

    mutating func expireLoad(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        let retryAt = now.advanced(by: configuration.loadBackoff)
        guard let load = records[index].agent?.loads.timePassed(retryAt: retryAt, now: now) else { return }
        loadFailed(load, onRunnerAt: index, "loading timed out after \(configuration.loadTimeout)", now: now)
    }

    private mutating func loadSucceeded(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        loadEnded(onRunnerAt: index, now: now)
        reconsiderWaiters(now: now)
    }

    /// The next attempt waits for the backoff, and the calls that waited for it do not wait for a load on this runner
    /// again.
    private mutating func loadFailed(
        _ load: LoadState, onRunnerAt index: Int, _ reason: String, now: ContinuousClock.Instant
    ) {
        let runner = records[index].runner.id
        effects.append(.loadFailed(runner, engineModel: load.engineModel, reason: reason))
        loadEnded(onRunnerAt: index, now: now)
        let error = GatewayError(
            .noRunnerAvailable, "The model could not be loaded.", retry: .after(configuration.loadBackoff),
            cause: "\(load.engineModel) on \(runner): \(reason)")
        reconsiderWaiters(now: now, failedLoad: FailedLoad(load: load, index: index, error: error))
    }

    private mutating func loadEnded(onRunnerAt index: Int, now: ContinuousClock.Instant) {
        trackDeadlines(index)
        reindex(index)
        serveWaiters(ofRunnerAt: index, now: now)
        records[index].sleep.idleTimeEnded()
        trackIdleTime(ofRunnerAt: index, now: now)
    }

    /// A failed load.
    struct FailedLoad {
        let load: LoadState
        let index: Int
        let error: GatewayError
    }
}
