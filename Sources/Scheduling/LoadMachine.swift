import SimpleAICore

/// The models in one runner's memory, and the loads that change them, one at a time.
///
///     idle –requested→ clearing –…→ loading –commandCompleted→ idle
///                         └–commandCompleted (failure) or timePassed→ idle; the model backs off
struct LoadMachine: Hashable, Sendable {
    /// A command for the runner's agent.
    enum Command: Hashable {
        case unload(EngineModelID, CommandID)
        case load(EngineModelID, CommandID)
    }

    enum Completion: Hashable {
        /// The result of an outdated command.
        case ignored
        /// A model was unloaded; the next command may have to wait for calls in progress.
        case unloaded(next: Command?)
        case loaded
        case failed(LoadState)
    }

    private(set) var residency = ModelResidency()
    /// The load in progress.
    private(set) var current: LoadState?
    /// For each model that failed to load: the earliest time of the next attempt.
    private(set) var notBefore: [EngineModelID: ContinuousClock.Instant] = [:]

    // MARK: Queries

    /// Whether the model is in memory and open to new calls. Slots are not considered.
    func canServeNow(_ model: EngineModelID) -> Bool {
        residency.loaded.contains(model) && !(current?.blockedModels.contains(model) ?? false)
    }

    /// Whether the model has to be loaded before it can serve, and has not recently failed to load.
    func mayLoad(_ model: EngineModelID, now: ContinuousClock.Instant) -> Bool {
        !canServeNow(model) && notBefore[model].map { $0 <= now } ?? true
    }

    // MARK: Events

    /// A call needs the model. Call it only if no load is in progress.
    /// - Returns: the load, and its first command if no call in progress prevents it.
    mutating func requested(
        _ model: EngineModelID, timeout: Duration, _ requests: inout RequestSequence, now: ContinuousClock.Instant
    ) -> (load: LoadState, command: Command?) {
        let load = LoadState(
            id: requests.next(), engineModel: model, deadline: now.advanced(by: timeout), residency)
        current = load
        return (load, nextCommand(&requests))
    }

    /// - Parameter number: of all calls so far.
    mutating func callBegan(on model: EngineModelID, number: UInt64) {
        residency.callBegan(on: model, number: number)
    }

    /// - Returns: the next command of the load in progress if this call was the last to prevent it.
    mutating func callEnded(on model: EngineModelID, _ requests: inout RequestSequence) -> Command? {
        residency.callEnded(on: model)
        return nextCommand(&requests)
    }

    /// - Returns: whether the set of models in memory has changed.
    mutating func statusReported(_ report: RunnerReport) -> Bool {
        let old = residency.loaded
        residency.replace(by: report)
        return residency.loaded != old
    }

    /// A status report was applied. It may list the model before the command's result arrives.
    /// - Returns: whether that ended the load.
    mutating func statusApplied() -> Bool {
        guard let load = current, case .loading = load.stage, residency.loaded.contains(load.engineModel) else {
            return false
        }
        loadSucceeded(load)
        return true
    }

    /// - Parameter retryAt: when the model may be loaded again if the command failed.
    mutating func commandCompleted(
        _ request: CommandID, succeeded: Bool, retryAt: ContinuousClock.Instant, _ requests: inout RequestSequence
    ) -> Completion {
        guard let load = current else { return .ignored }
        switch load.stage {
        case .loading(request):
            guard succeeded else { return .failed(loadFailed(load, retryAt: retryAt)) }
            residency.loaded(load.engineModel)
            loadSucceeded(load)
            return .loaded
        case .unloading(request, let victim):
            guard succeeded else { return .failed(loadFailed(load, retryAt: retryAt)) }
            residency.unloaded(victim)
            current?.modelUnloaded()
            return .unloaded(next: nextCommand(&requests))
        case .clearing, .loading, .unloading: return .ignored
        }
    }

    /// - Parameter retryAt: when the model may be loaded again if the load timed out.
    /// - Returns: the load that timed out.
    mutating func timePassed(retryAt: ContinuousClock.Instant, now: ContinuousClock.Instant) -> LoadState? {
        guard let load = current, load.deadline <= now else { return nil }
        return loadFailed(load, retryAt: retryAt)
    }

    /// Commands that were sent over the previous connection get no response.
    mutating func connectionChanged() { current = nil }

    private mutating func nextCommand(_ requests: inout RequestSequence) -> Command? {
        guard let load = current, load.stage == .clearing,
            load.blockedModels.allSatisfy({ residency.activeCalls(on: $0) == 0 })
        else { return nil }
        return current?.cleared(requests.next())
    }

    private mutating func loadSucceeded(_ load: LoadState) {
        current = nil
        notBefore[load.engineModel] = nil
    }

    private mutating func loadFailed(_ load: LoadState, retryAt: ContinuousClock.Instant) -> LoadState {
        current = nil
        notBefore[load.engineModel] = retryAt
        return load
    }
}
