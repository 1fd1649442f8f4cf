public import SimpleAICore

/// What an agent says about its machine: the part of a status that decides where calls go. Every report is complete; it
/// replaces the one before.
public struct RunnerReport: Hashable, Sendable {
    /// A model of one of the agent's engines.
    public struct Model: Hashable, Sendable {
        /// The engine's own id.
        public var engineID: EngineModelID
        /// In memory: the next call does not have to wait for it.
        public var isLoaded: Bool
        /// What it takes of the memory, where the engine tells.
        public var size: ByteCount?

        public init(engineID: EngineModelID, isLoaded: Bool = true, size: ByteCount? = nil) {
            self.engineID = engineID
            self.isLoaded = isLoaded
            self.size = size
        }
    }

    /// Healthy or degraded: calls may go there.
    public var admitsCalls: Bool
    /// Will admit calls by itself in a while; calls may wait for that. Only where it does not admit them yet.
    public var isStarting: Bool
    public var models: [Model]
    /// How many calls all engines together take at once; less than 1 counts as 1.
    public var slots: Int
    /// The agent knows how to put its machine to sleep.
    public var isSleepable: Bool
    /// How much memory all loaded models together may take, where the agent knows.
    public var memoryLimit: ByteCount?
    /// Whether the machine sees a GPU; nil where the agent did not look.
    public var hasGPU: Bool?

    public init(
        admitsCalls: Bool = true, isStarting: Bool = false, models: [Model] = [], slots: Int = 1,
        isSleepable: Bool = false, memoryLimit: ByteCount? = nil, hasGPU: Bool? = nil
    ) {
        self.admitsCalls = admitsCalls
        self.isStarting = isStarting
        self.models = models
        self.slots = max(1, slots)
        self.isSleepable = isSleepable
        self.memoryLimit = memoryLimit
        self.hasGPU = hasGPU
    }
}

/// Names one thing that was asked of a runner; unique as long as the gateway runs. Whoever carries it out says with this
/// number what came of it.
public struct RunnerRequest: Hashable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public var description: String { String(number) }
}
