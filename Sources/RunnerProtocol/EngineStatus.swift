public import SimpleAICore

/// The status of one engine of a runner.
public struct EngineStatus: Hashable, Sendable {
    public var engineType: String
    public var isHealthy: Bool
    public var version: String?
    /// The engine's own model ids.
    public var loadedModels: [String]
    public var availableModels: [EngineModel]
    public var error: String?
    /// Maximum number of concurrent calls of the engine; at least 1.
    public var batchSize: Int
    /// Extension `slots`: the same number, if the engine reports it. Takes precedence over `batchSize`.
    public var slots: Int?
    /// Extension `slots`: number of its calls in progress, from any client.
    public var active: Int?
    /// The endpoints that the engine serves, for models with the capability that each needs; nil if the agent does not know.
    public var endpoints: [Endpoint]?
    /// Entries omitted from the engine's lists; not part of the message.
    public internal(set) var omitted = OmittedEntries()

    public init(
        engineType: String, isHealthy: Bool, version: String? = nil, loadedModels: [String] = [],
        availableModels: [EngineModel] = [], error: String? = nil, batchSize: Int = 1, slots: Int? = nil,
        active: Int? = nil, endpoints: [Endpoint]? = nil
    ) {
        self.engineType = engineType
        self.isHealthy = isHealthy
        self.version = version
        self.loadedModels = loadedModels
        self.availableModels = availableModels
        self.error = error
        self.batchSize = batchSize
        self.slots = slots
        self.active = active
        self.endpoints = endpoints
    }
}

/// A model that an engine could serve, loaded or not.
public struct EngineModel: Hashable, Sendable {
    /// The engine's own model id.
    public var id: String
    public var name: String
    public var sizeBytes: Int?
    public var parameterCount: Int?
    public var contextLength: Int?
    public var quantization: String?
    public var modifiedAt: String?
    /// What the model can do; nil if the agent does not know.
    public var capabilities: [ModelCapability]?
    /// Whether only the model's name suggests the capabilities, so that no call may be refused because of them.
    public var capabilitiesAreGuessed: Bool?

    public init(
        id: String, name: String? = nil, sizeBytes: Int? = nil, parameterCount: Int? = nil, contextLength: Int? = nil,
        quantization: String? = nil, modifiedAt: String? = nil, capabilities: [ModelCapability]? = nil,
        capabilitiesAreGuessed: Bool? = nil
    ) {
        self.id = id
        self.name = name ?? id
        self.sizeBytes = sizeBytes
        self.parameterCount = parameterCount
        self.contextLength = contextLength
        self.quantization = quantization
        self.modifiedAt = modifiedAt
        self.capabilities = capabilities
        self.capabilitiesAreGuessed = capabilitiesAreGuessed
    }
}

extension Endpoint: Encodable {}
extension ModelCapability: Encodable {}

extension EngineStatus: Codable {
    enum CodingKeys: String, CodingKey {
        case engineType = "engine_type"
        case isHealthy = "is_healthy"
        case version
        case loadedModels = "loaded_models"
        case availableModels = "available_models"
        case error
        case batchSize = "batch_size"
        case slots, active, endpoints
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        engineType = fields.text(.engineType) ?? ""
        isHealthy = try fields.decode(Bool.self, forKey: .isHealthy)
        version = fields.text(.version)
        loadedModels = fields.entries(String.self, .loadedModels, &omitted)
        availableModels = fields.entries(EngineModel.self, .availableModels, &omitted)
        error = fields.text(.error)
        batchSize = max(1, fields.wholeNumber(.batchSize) ?? 1)
        slots = fields.wholeNumber(.slots).map { max(1, $0) }
        active = fields.wholeNumber(.active).map { max(0, $0) }
        endpoints = fields.known(.endpoints) { Endpoint(rawValue: $0) }
    }
}

extension EngineModel: Codable {
    enum CodingKeys: String, CodingKey {
        case id, name
        case sizeBytes = "size_bytes"
        case parameterCount = "parameter_count"
        case contextLength = "context_length"
        case quantization
        case modifiedAt = "modified_at"
        case capabilities
        case capabilitiesAreGuessed = "capabilities_guessed"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        id = try fields.decode(String.self, forKey: .id)
        name = fields.text(.name) ?? id
        sizeBytes = fields.wholeNumber(.sizeBytes)
        parameterCount = fields.wholeNumber(.parameterCount)
        contextLength = fields.wholeNumber(.contextLength)
        quantization = fields.text(.quantization)
        modifiedAt = fields.text(.modifiedAt)
        capabilities = fields.known(.capabilities) { ModelCapability(rawValue: $0) }
        capabilitiesAreGuessed = fields.detail(Bool.self, .capabilitiesAreGuessed)
    }
}
