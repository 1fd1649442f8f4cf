/// A machine's inference endpoint, as settings or a registration describe it: the facts that rarely change while
/// it runs.
public struct Runner: Hashable, Sendable {
    public let id: RunnerID
    /// Maximum number of concurrent calls; at least 1.
    public private(set) var slots: Int
    /// Factor for the runner's proportion of all calls; at least 1.
    public let weight: Int
    public let machineType: MachineType
    /// Whether the gateway can wake its machine.
    public let canBeWoken: Bool
    /// Whether the settings state how the gateway puts its machine to sleep; an agent reports whether it can.
    public let hasSleepMethod: Bool
    /// Model ids from settings; if empty, the engine's own list applies.
    public let statedModels: [ModelID]
    /// The engine's own id of each public model id.
    public let aliases: [ModelID: EngineModelID]

    public init(
        id: RunnerID, slots: Int = 1, weight: Int = 1, machineType: MachineType = "", canBeWoken: Bool = false,
        hasSleepMethod: Bool = false, statedModels: [ModelID] = [], aliases: [ModelID: EngineModelID] = [:]
    ) {
        self.id = id
        self.slots = max(1, slots)
        self.weight = max(1, weight)
        self.machineType = machineType
        self.canBeWoken = canBeWoken
        self.hasSleepMethod = hasSleepMethod
        self.statedModels = statedModels
        self.aliases = aliases
    }

    /// The same runner with another number of slots.
    public func with(slots: Int) -> Runner {
        var runner = self
        runner.slots = max(1, slots)
        return runner
    }

    /// The public ids that callers may request from this runner, each with the engine's own id: the stated models, or
    /// else the aliases and the models in the engine's list. A model with an alias has no other public id, and an alias
    /// hides a listed model of the same id. A model that is listed with the implied tag also has the id without the
    /// tag.
    public func publicModels(engineModels: [EngineModelID]) -> [ModelID: EngineModelID] {
        if !statedModels.isEmpty {
            return Dictionary(
                statedModels.map { ($0, aliases[$0] ?? EngineModelID($0.rawValue)) },
                uniquingKeysWith: { first, _ in first })
        }
        let listed = Set(engineModels)
        var models: [ModelID: EngineModelID] = [:]
        for (name, engineName) in aliases {
            if listed.contains(engineName) {
                models[name] = engineName
            } else if case let full = ImpliedTag.fullID(of: engineName), listed.contains(full) {
                models[name] = full
            }
        }
        let renamed = Set(models.values)
        for name in engineModels where !renamed.contains(name) && models[ModelID(name.rawValue)] == nil {
            models[ModelID(name.rawValue)] = name
        }
        for name in engineModels where !renamed.contains(name) {
            guard let short = ImpliedTag.shortID(of: name), models[short] == nil,
                !listed.contains(EngineModelID(short.rawValue))
            else { continue }
            models[short] = name
        }
        return models
    }
}
