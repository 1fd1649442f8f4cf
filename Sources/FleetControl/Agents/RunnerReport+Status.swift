import RunnerProtocol
import Scheduling
import SimpleAICore

extension RunnerReport {
    /// The part of a status that the scheduler uses to place calls.
    /// - Parameter extensions: supported by both sides; fields of other extensions are ignored.
    init(_ status: RunnerStatus, extensions: Set<ProtocolExtension>) {
        var models: [RunnerReport.Model] = []
        var positions: [EngineModelID: Int] = [:]
        var slots = 0
        for engine in status.engines where engine.isHealthy {
            slots += min(engine.capacity(extensions), 10_000)
            let loaded = Set(engine.loadedModels.map { EngineModelID($0) })
            for model in engine.availableModels {
                let id = EngineModelID(model.id)
                guard positions[id] == nil else { continue }
                positions[id] = models.count
                models.append(
                    .init(
                        engineID: id, isLoaded: loaded.contains(id),
                        size: model.sizeBytes.map { ByteCount(bytes: max(0, $0)) }))
            }
            for id in engine.loadedModels.lazy.map({ EngineModelID($0) }) {
                if let position = positions[id] {
                    models[position].isLoaded = true
                } else {
                    positions[id] = models.count
                    models.append(.init(engineID: id, isLoaded: true))
                }
            }
        }
        self.init(
            admitsCalls: status.health.admitsCalls, isStarting: status.health == .starting, models: models,
            slots: slots,
            isSleepable: extensions.isSuperset(of: [.sleep, .power]) && status.power?.sleepable == true,
            memoryLimit: status.metrics?.gpuMemoryTotal.flatMap { $0 > 0 ? ByteCount(bytes: $0) : nil },
            hasGPU: status.metrics.map { ($0.gpuMemoryTotal ?? 0) > 0 },
            sleepProblem: extensions.contains(.power) ? status.power?.sleepProblem.map { OperatorReason($0) } : nil,
            reason: status.reason)
    }
}

extension RunnerStatus {
    /// Why the runner does not admit calls, as its agent states it.
    fileprivate var reason: OperatorReason? {
        if health == .shuttingDown { return "its agent is shutting down" }
        let problems = engines.filter { !$0.isHealthy }.map { "\($0.engineType): \($0.error ?? "not healthy")" }
        return problems.isEmpty ? nil : OperatorReason("its agent reports: \(problems.joined(separator: "; "))")
    }
}

extension RunnerStatus {
    /// Context lengths of the engines' models in tokens; if several engines have a model, the first applies.
    var contextLengths: ContextLengths.Stated {
        var lengths: ContextLengths.Stated = [:]
        for model in engines.lazy.filter(\.isHealthy).flatMap(\.availableModels) {
            let id = EngineModelID(model.id)
            if lengths[id] == nil, let length = model.contextLength, length > 0 { lengths[id] = length }
        }
        return lengths
    }

    /// Capabilities that the agent reports for models.
    var modelCapabilities: ModelCapabilities.Stated {
        let known = Set(engines.lazy.flatMap(\.availableModels).map { EngineModelID($0.id) })
        var stated: ModelCapabilities.Stated = [:]
        for entry in capabilities {
            let model = modelAliases[ModelID(entry.modelID)] ?? EngineModelID(entry.modelID)
            let found = ModelCapability.named(entry.capability)
            if !found.isEmpty, known.contains(model) { stated[model, default: []].formUnion(found) }
        }
        for model in engines.lazy.filter(\.isHealthy).flatMap(\.availableModels) {
            if let found = model.capabilities { stated[EngineModelID(model.id), default: []].formUnion(found) }
        }
        return stated
    }

    /// Maximum number of concurrent calls of all healthy engines together.
    func slots(_ extensions: Set<ProtocolExtension>) -> Int {
        max(1, engines.reduce(0) { $0 + ($1.isHealthy ? min($1.capacity(extensions), 10_000) : 0) })
    }
}

extension EngineStatus {
    fileprivate func capacity(_ extensions: Set<ProtocolExtension>) -> Int {
        extensions.contains(.slots) ? slots ?? batchSize : batchSize
    }
}
