public import SimpleAICore

/// An agent's report about its machine: the part of a status that placement depends on. Every report is complete and
/// replaces the previous one.
public struct RunnerReport: Hashable, Sendable {
    /// A model of one of the agent's engines.
    public struct Model: Hashable, Sendable {
        /// The engine's own id.
        public var engineID: EngineModelID
        /// Whether the model is in memory: the next call does not wait for a load.
        public var isLoaded: Bool
        /// The memory that it uses; nil if the engine does not report it.
        public var size: ByteCount?

        public init(engineID: EngineModelID, isLoaded: Bool = true, size: ByteCount? = nil) {
            self.engineID = engineID
            self.isLoaded = isLoaded
            self.size = size
        }
    }

    /// Whether the engines are healthy or degraded: the runner takes calls.
    public var admitsCalls: Bool
    /// Whether the engines are starting and calls may wait for them. Only relevant while `admitsCalls` is false.
    public var isStarting: Bool
    public var models: [Model]
    /// Maximum number of concurrent calls of all engines together; less than 1 counts as 1.
    public var slots: Int
    /// Whether the agent can put its machine to sleep.
    public var isSleepable: Bool
    /// Memory for all loaded models together; nil if unknown.
    public var memoryLimit: ByteCount?
    /// Whether the machine detects a GPU; nil if the agent did not check.
    public var hasGPU: Bool?
    /// Why the machine did not fall asleep after the last sleep command; nil if its agent reports no problem.
    public var sleepProblem: OperatorReason?
    /// Why it does not admit calls; nil if its agent reports no reason.
    public var reason: OperatorReason?

    public init(
        admitsCalls: Bool = true, isStarting: Bool = false, models: [Model] = [], slots: Int = 1,
        isSleepable: Bool = false, memoryLimit: ByteCount? = nil, hasGPU: Bool? = nil,
        sleepProblem: OperatorReason? = nil, reason: OperatorReason? = nil
    ) {
        self.sleepProblem = sleepProblem
        self.reason = reason
        self.admitsCalls = admitsCalls
        self.isStarting = isStarting
        self.models = models
        self.slots = max(1, slots)
        self.isSleepable = isSleepable
        self.memoryLimit = memoryLimit
        self.hasGPU = hasGPU
    }
}

/// Identifies one command to a runner; unique while the gateway runs. The result carries the same number.
public struct CommandID: Hashable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public var description: String { String(number) }
}
