public import SimpleAICore

/// Messages from a runner to its gateway (docs/PROTOCOL.md). One JSON object per text frame, tagged by `type`.
public enum RunnerMessage: Hashable, Sendable {
    /// The first message on a connection, within ten seconds.
    case register(Registration)
    /// The complete status, every 10 to 30 seconds; its fields are members of the message itself.
    case heartbeat(RunnerStatus)
    /// The complete status, sent as soon as it changes.
    case statusUpdate(RunnerStatus)
    case commandResponse(CommandResponse)
}

/// The identity of a runner and the address for its calls.
public struct Registration: Hashable, Sendable {
    public var runnerID: RunnerID
    /// A name for display.
    public var runnerName: String
    public var machineType: String?
    /// The port of the runner's HTTP server, on the address that the WebSocket connects from.
    public var httpPort: Int
    public var protocolVersion: Int
    public var authToken: String
    /// Our extension: the token that the runner has made for itself, in exchange for the invitation in `authToken`.
    public var ownToken: String?
    public var status: RunnerStatus
    /// The hardware address that wakes its machine. An invalid address counts as none.
    public var macAddress: MACAddress?
    /// The extensions that this runner supports.
    public var extensions: Set<ProtocolExtension>
    /// Our extension: the base URL for calls, if it differs from the peer's address.
    public var httpBaseURL: String?

    public init(
        runnerID: RunnerID, runnerName: String, machineType: String? = nil, httpPort: Int = 8080,
        protocolVersion: Int = MessageCodec.protocolVersion, authToken: String, ownToken: String? = nil,
        status: RunnerStatus,
        macAddress: MACAddress? = nil, extensions: Set<ProtocolExtension> = [], httpBaseURL: String? = nil
    ) {
        self.runnerID = runnerID
        self.runnerName = runnerName
        self.machineType = machineType
        self.httpPort = httpPort
        self.protocolVersion = protocolVersion
        self.authToken = authToken
        self.ownToken = ownToken
        self.status = status
        self.macAddress = macAddress
        self.extensions = extensions
        self.httpBaseURL = httpBaseURL
    }
}

/// The outcome of a command; `requestID` repeats the command's.
public struct CommandResponse: Hashable, Sendable {
    public var requestID: String
    public var success: Bool
    public var error: String?
    public var status: RunnerStatus?

    public init(requestID: String, success: Bool, error: String? = nil, status: RunnerStatus? = nil) {
        self.requestID = requestID
        self.success = success
        self.error = error
        self.status = status
    }
}

extension Registration: Codable {
    enum CodingKeys: String, CodingKey {
        case runnerID = "runner_id"
        case runnerName = "runner_name"
        case machineType = "machine_type"
        case httpPort = "http_port"
        case protocolVersion = "protocol_version"
        case authToken = "auth_token"
        case ownToken = "own_token"
        case status
        case macAddress = "mac_address"
        case extensions
        case httpBaseURL = "http_base_url"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        runnerID = RunnerID(try fields.decode(String.self, forKey: .runnerID))
        runnerName = try fields.decodeIfPresent(String.self, forKey: .runnerName) ?? runnerID.rawValue
        machineType = try fields.decodeIfPresent(String.self, forKey: .machineType)
        httpPort = try fields.decodeIfPresent(Int.self, forKey: .httpPort) ?? 8080
        protocolVersion = try fields.decodeIfPresent(Int.self, forKey: .protocolVersion) ?? 1
        authToken = try fields.decodeIfPresent(String.self, forKey: .authToken) ?? ""
        ownToken = fields.text(.ownToken)
        status = try fields.decode(RunnerStatus.self, forKey: .status)
        macAddress = fields.text(.macAddress).flatMap { MACAddress($0) }
        extensions = fields.extensions(.extensions)
        httpBaseURL = try fields.decodeIfPresent(String.self, forKey: .httpBaseURL)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(runnerID.rawValue, forKey: .runnerID)
        try fields.encode(runnerName, forKey: .runnerName)
        try fields.encodeIfPresent(machineType, forKey: .machineType)
        try fields.encode(httpPort, forKey: .httpPort)
        try fields.encode(protocolVersion, forKey: .protocolVersion)
        try fields.encode(authToken, forKey: .authToken)
        try fields.encodeIfPresent(ownToken, forKey: .ownToken)
        try fields.encode(status, forKey: .status)
        try fields.encodeIfPresent(macAddress?.description, forKey: .macAddress)
        try fields.encode(extensions, forKey: .extensions)
        try fields.encodeIfPresent(httpBaseURL, forKey: .httpBaseURL)
    }
}

extension CommandResponse: Codable {
    enum CodingKeys: String, CodingKey {
        case requestID = "request_id"
        case success, error, status
    }
}
