import RunnerProtocol
import SimpleAICore

extension RunnerStatus {
    /// The endpoints of each model, by the id that callers use. `.all` for a model of which the agent knows nothing.
    ///
    /// If several engines have a model, those of all of them count: the agent chooses the engine.
    func endpoints(of runner: Runner) -> [ModelID: EndpointSet] {
        var byEngineID: [EngineModelID: EndpointSet] = [:]
        var ids: [EngineModelID] = []
        func add(_ endpoints: EndpointSet, _ id: EngineModelID) {
            if byEngineID[id] == nil { ids.append(id) }
            byEngineID[id, default: EndpointSet([])].formUnion(endpoints)
        }
        for engine in engines where engine.isHealthy {
            let served = engine.endpoints.map { EndpointSet($0) } ?? .all
            var known: Set<EngineModelID> = []
            for model in engine.availableModels where known.insert(EngineModelID(model.id)).inserted {
                let stated = model.capabilitiesAreGuessed ?? false ? nil : model.capabilities
                let ownEndpoints = stated.map { served.served(with: Set($0)) } ?? served
                add(ownEndpoints, EngineModelID(model.id))
            }
            for id in engine.loadedModels.lazy.map({ EngineModelID($0) }) where known.insert(id).inserted {
                add(served, id)
            }
        }
        return runner.publicModels(engineModels: ids).compactMapValues { byEngineID[$0] }
    }
}
