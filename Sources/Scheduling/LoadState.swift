import SimpleAICore

/// The load of one model into a runner's memory: one at a time per runner, however many calls wait for it.
///
///     clearing –no calls on the models to unload→ unloading –…→ loading → loaded
///
/// Calls in progress are never interrupted: a model that has to be unloaded gets no new calls once the load has
/// started, and is unloaded when its last call has ended.
struct LoadState: Hashable, Sendable {
    enum Stage: Hashable, Sendable {
        case clearing
        case unloading(CommandID, EngineModelID)
        case loading(CommandID)
    }

    /// The id of this load for the calls that wait for it.
    let id: CommandID
    let engineModel: EngineModelID
    let deadline: ContinuousClock.Instant
    private(set) var stage = Stage.clearing
    /// Models that get no new calls during this load.
    let blockedModels: Set<EngineModelID>
    /// Models that still have to be unloaded, in this order.
    private var victims: [EngineModelID]

    init(id: CommandID, engineModel: EngineModelID, deadline: ContinuousClock.Instant, _ residency: ModelResidency) {
        self.id = id
        self.engineModel = engineModel
        self.deadline = deadline
        switch residency.eviction(for: engineModel) {
        case .notNeeded: (blockedModels, victims) = ([], [])
        case .unload(let models): (blockedModels, victims) = (Set(models), models)
        // The engine itself decides what to unload, or restarts, so no call may be in progress on it.
        case .unknown: (blockedModels, victims) = (residency.loaded.subtracting([engineModel]), [])
        }
    }

    /// No call in progress prevents the next step any more.
    mutating func cleared(_ request: CommandID) -> LoadMachine.Command {
        if let victim = victims.first {
            stage = .unloading(request, victim)
            return .unload(victim, request)
        }
        stage = .loading(request)
        return .load(engineModel, request)
    }

    mutating func modelUnloaded() {
        victims.removeFirst()
        stage = .clearing
    }
}
