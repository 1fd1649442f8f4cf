public import SimpleAICore

/// The status of a runner and its engines.
public struct RunnerStatus: Hashable, Sendable {
    public enum Health: String, Hashable, Sendable, CaseIterable, Codable {
        case healthy, degraded, starting
        case shuttingDown = "shutting_down"
        case unhealthy

        /// Whether calls may go to a runner in this state.
        public var admitsCalls: Bool { self == .healthy || self == .degraded }
    }

    /// An unknown state counts as `unhealthy`.
    public var health: Health
    public var capabilities: [RunnerCapability]
    public var engines: [EngineStatus]
    public var metrics: RunnerMetrics?
    /// The engine's own id of each model, by the id that callers use.
    public var modelAliases: [ModelID: EngineModelID]
    /// Extension `power`.
    public var power: PowerStatus?
    /// Entries omitted from its aliases; not part of the message.
    public internal(set) var omitted = OmittedEntries()

    public init(
        health: Health, capabilities: [RunnerCapability] = [], engines: [EngineStatus] = [],
        metrics: RunnerMetrics? = nil, modelAliases: [ModelID: EngineModelID] = [:], power: PowerStatus? = nil
    ) {
        self.health = health
        self.capabilities = capabilities
        self.engines = engines
        self.metrics = metrics
        self.modelAliases = modelAliases
        self.power = power
    }
}

/// An operation that a runner supports for one model.
public struct RunnerCapability: Hashable, Sendable {
    public var capability: String
    public var status: String
    public var modelID: String
    public var activeRequests: Int
    public var averageLatencyMilliseconds: Double?
    public var metadata: JSONValue?

    public init(
        capability: String, status: String, modelID: String, activeRequests: Int = 0,
        averageLatencyMilliseconds: Double? = nil, metadata: JSONValue? = nil
    ) {
        self.capability = capability
        self.status = status
        self.modelID = modelID
        self.activeRequests = activeRequests
        self.averageLatencyMilliseconds = averageLatencyMilliseconds
        self.metadata = metadata
    }
}

/// Figures for display; no decision depends on them.
public struct RunnerMetrics: Hashable, Sendable {
    public var requestsProcessed: Int
    public var averageLatencyMilliseconds: Double?
    /// In bytes.
    public var gpuMemoryUsed: Int?
    /// In bytes.
    public var gpuMemoryTotal: Int?
    /// From 0 to 100.
    public var cpuUsagePercent: Double?
    /// In bytes.
    public var memoryUsed: Int?

    public init(
        requestsProcessed: Int, averageLatencyMilliseconds: Double? = nil, gpuMemoryUsed: Int? = nil,
        gpuMemoryTotal: Int? = nil, cpuUsagePercent: Double? = nil, memoryUsed: Int? = nil
    ) {
        self.requestsProcessed = requestsProcessed
        self.averageLatencyMilliseconds = averageLatencyMilliseconds
        self.gpuMemoryUsed = gpuMemoryUsed
        self.gpuMemoryTotal = gpuMemoryTotal
        self.cpuUsagePercent = cpuUsagePercent
        self.memoryUsed = memoryUsed
    }
}

/// The power draw of the machine, and whether it may be put to sleep.
public struct PowerStatus: Hashable, Sendable {
    public var watts: Double?
    public var sleepable: Bool
    /// Why the machine did not fall asleep after the last sleep command; nil if it did, or never received one.
    public var sleepProblem: String?

    public init(watts: Double? = nil, sleepable: Bool, sleepProblem: String? = nil) {
        self.watts = watts
        self.sleepable = sleepable
        self.sleepProblem = sleepProblem
    }
}

extension PowerStatus: Codable {
    enum CodingKeys: String, CodingKey {
        case watts, sleepable
        case sleepProblem = "sleep_problem"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        watts = try fields.decodeIfPresent(Double.self, forKey: .watts)
        sleepable = try fields.decode(Bool.self, forKey: .sleepable)
        sleepProblem = fields.text(.sleepProblem)
    }
}

extension RunnerStatus: Codable {
    enum CodingKeys: String, CodingKey {
        case health, capabilities, engines, metrics
        case modelAliases = "model_aliases"
        case power
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        health = Health(rawValue: try fields.decode(String.self, forKey: .health)) ?? .unhealthy
        var omitted = OmittedEntries()
        capabilities = fields.entries(RunnerCapability.self, .capabilities, &omitted)
        engines = try fields.decodeIfPresent([EngineStatus].self, forKey: .engines) ?? []
        metrics = fields.detail(RunnerMetrics.self, .metrics)
        let aliases = fields.aliases(.modelAliases)
        modelAliases = aliases.names
        omitted.add(all: aliases.omitted)
        self.omitted = omitted
        power = fields.detail(PowerStatus.self, .power)
    }
}

extension RunnerCapability: Codable {
    enum CodingKeys: String, CodingKey {
        case capability, status
        case modelID = "model_id"
        case activeRequests = "active_requests"
        case averageLatencyMilliseconds = "avg_latency_ms"
        case metadata
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        capability = fields.text(.capability) ?? ""
        status = fields.text(.status) ?? ""
        modelID = fields.text(.modelID) ?? ""
        activeRequests = fields.wholeNumber(.activeRequests) ?? 0
        averageLatencyMilliseconds = fields.detail(Double.self, .averageLatencyMilliseconds)
        metadata = fields.detail(JSONValue.self, .metadata)
    }
}

extension RunnerMetrics: Codable {
    enum CodingKeys: String, CodingKey {
        case requestsProcessed = "requests_processed"
        case averageLatencyMilliseconds = "avg_latency_ms"
        case gpuMemoryUsed = "gpu_memory_used"
        case gpuMemoryTotal = "gpu_memory_total"
        case cpuUsagePercent = "cpu_usage_percent"
        case memoryUsed = "memory_used"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        requestsProcessed = fields.wholeNumber(.requestsProcessed) ?? 0
        averageLatencyMilliseconds = fields.detail(Double.self, .averageLatencyMilliseconds)
        gpuMemoryUsed = fields.wholeNumber(.gpuMemoryUsed)
        gpuMemoryTotal = fields.wholeNumber(.gpuMemoryTotal)
        cpuUsagePercent = fields.detail(Double.self, .cpuUsagePercent)
        memoryUsed = fields.wholeNumber(.memoryUsed)
    }
}
