import SimpleAICore

/// A model on its way into a runner's memory: one at a time for each runner, however many calls wait for it.
///
///     clearing –nothing runs on what has to go→ unloading –…→ loading → loaded
///
/// Calls under way are never cut: what has to go gets no new calls from the start, and is unloaded when its last one is
/// over.
struct LoadState: Hashable, Sendable {
    enum Stage: Hashable, Sendable {
        case clearing
        case unloading(RunnerRequest, EngineModelID)
        case loading(RunnerRequest)
    }

    /// What those who wait for it know it by.
    let id: RunnerRequest
    let engineModel: EngineModelID
    let deadline: ContinuousClock.Instant
    var stage = Stage.clearing
    /// Models that get no new calls meanwhile.
    let held: Set<EngineModelID>
    /// What still has to be unloaded, in this order.
    var victims: [EngineModelID]

    init(id: RunnerRequest, engineModel: EngineModelID, deadline: ContinuousClock.Instant, _ residency: ModelResidency)
    {
        self.id = id
        self.engineModel = engineModel
        self.deadline = deadline
        switch residency.room(for: engineModel) {
        case .isThere: (held, victims) = ([], [])
        case .byUnloading(let models): (held, victims) = (Set(models), models)
        // The engine makes room as it sees fit, or restarts: nothing may run on it when it does.
        case .unknown: (held, victims) = (residency.loaded.subtracting([engineModel]), [])
        }
    }
}
