import RunnerProtocol
import Scheduling
import SimpleAICore

extension RunnerReport {
    /// The part of a status that decides where calls go.
    /// - Parameter extensions: those that both sides know; what belongs to others is not looked at.
    init(_ status: RunnerStatus, extensions: Set<ProtocolExtension>) {
        var models: [RunnerReport.Model] = []
        var places: [String: Int] = [:]
        var slots = 0
        for engine in status.engines where engine.isHealthy {
            slots += min(engine.capacity(extensions), 10_000)
            let loaded = Set(engine.loadedModels)
            for model in engine.availableModels where places[model.id] == nil {
                places[model.id] = models.count
                models.append(
                    .init(
                        engineID: model.id, isLoaded: loaded.contains(model.id),
                        size: model.sizeBytes.map { ByteCount(bytes: max(0, $0)) }))
            }
            for id in engine.loadedModels {
                if let place = places[id] {
                    models[place].isLoaded = true
                } else {
                    places[id] = models.count
                    models.append(.init(engineID: id, isLoaded: true))
                }
            }
        }
        self.init(
            admitsCalls: status.health.admitsCalls, isStarting: status.health == .starting, models: models,
            slots: slots,
            isSleepable: extensions.isSuperset(of: [.sleep, .power]) && status.power?.sleepable == true,
            memoryLimit: status.metrics?.gpuMemoryTotal.flatMap { $0 > 0 ? ByteCount(bytes: $0) : nil },
            hasGPU: status.metrics.map { ($0.gpuMemoryTotal ?? 0) > 0 })
    }
}

extension RunnerStatus {
    /// How many calls all healthy engines together take at once.
    func slots(_ extensions: Set<ProtocolExtension>) -> Int {
        max(1, engines.reduce(0) { $0 + ($1.isHealthy ? min($1.capacity(extensions), 10_000) : 0) })
    }
}

extension EngineStatus {
    fileprivate func capacity(_ extensions: Set<ProtocolExtension>) -> Int {
        extensions.contains(.slots) ? slots ?? batchSize : batchSize
    }
}
