public import SimpleAICore

/// Messages from a gateway to a runner (docs/PROTOCOL.md). One JSON object per text frame, tagged by `type`.
public enum GatewayMessage: Hashable, Sendable {
    /// Confirms the registration, and lists the extensions that the gateway supports.
    case registerAck(RunnerID, extensions: Set<ProtocolExtension> = [])
    case loadModel(String, requestID: String)
    case unloadModel(String, requestID: String)
    case requestStatus(requestID: String)
    /// Unix time, in seconds.
    case ping(timestamp: Int)
    case error(ProtocolErrorCode, message: String)
    /// Extension `sleep`, for runners that list it: put the machine to sleep.
    case sleep(requestID: String)
}

/// Why a gateway closes a connection.
public struct ProtocolErrorCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// No message arrived in time.
    public static let timeout = Self(rawValue: "TIMEOUT")
    /// The frame contains no valid message.
    public static let parseError = Self(rawValue: "PARSE_ERROR")
    /// A message that is not allowed in this state, or a binary frame.
    public static let protocolError = Self(rawValue: "PROTOCOL_ERROR")
    /// Invalid token, protocol version or id.
    public static let authFailed = Self(rawValue: "AUTH_FAILED")

    public static let all: [Self] = [.timeout, .parseError, .protocolError, .authFailed]
}

extension GatewayMessage: Codable {
    enum CodingKeys: String, CodingKey {
        case type
        case runnerID = "runner_id"
        case extensions
        case modelID = "model_id"
        case requestID = "request_id"
        case timestamp, code, message
    }

    enum Kind: String, CaseIterable, Codable {
        case registerAck = "register_ack"
        case loadModel = "load_model"
        case unloadModel = "unload_model"
        case requestStatus = "request_status"
        case ping, error, sleep
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        switch try fields.decode(Kind.self, forKey: .type) {
        case .registerAck:
            self = .registerAck(
                RunnerID(try fields.decode(String.self, forKey: .runnerID)), extensions: fields.extensions(.extensions))
        case .loadModel:
            self = .loadModel(
                try fields.decode(String.self, forKey: .modelID),
                requestID: try fields.decode(String.self, forKey: .requestID))
        case .unloadModel:
            self = .unloadModel(
                try fields.decode(String.self, forKey: .modelID),
                requestID: try fields.decode(String.self, forKey: .requestID))
        case .requestStatus: self = .requestStatus(requestID: try fields.decode(String.self, forKey: .requestID))
        case .ping: self = .ping(timestamp: fields.wholeNumber(.timestamp) ?? 0)
        case .error:
            self = .error(
                ProtocolErrorCode(rawValue: try fields.decode(String.self, forKey: .code)),
                message: fields.text(.message) ?? "")
        case .sleep: self = .sleep(requestID: try fields.decode(String.self, forKey: .requestID))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .registerAck(let runner, let extensions):
            try fields.encode(Kind.registerAck, forKey: .type)
            try fields.encode(runner.rawValue, forKey: .runnerID)
            try fields.encode(extensions, forKey: .extensions)
        case .loadModel(let model, let requestID):
            try fields.encode(Kind.loadModel, forKey: .type)
            try fields.encode(model, forKey: .modelID)
            try fields.encode(requestID, forKey: .requestID)
        case .unloadModel(let model, let requestID):
            try fields.encode(Kind.unloadModel, forKey: .type)
            try fields.encode(model, forKey: .modelID)
            try fields.encode(requestID, forKey: .requestID)
        case .requestStatus(let requestID):
            try fields.encode(Kind.requestStatus, forKey: .type)
            try fields.encode(requestID, forKey: .requestID)
        case .ping(let timestamp):
            try fields.encode(Kind.ping, forKey: .type)
            try fields.encode(timestamp, forKey: .timestamp)
        case .error(let code, let message):
            try fields.encode(Kind.error, forKey: .type)
            try fields.encode(code.rawValue, forKey: .code)
            try fields.encode(message, forKey: .message)
        case .sleep(let requestID):
            try fields.encode(Kind.sleep, forKey: .type)
            try fields.encode(requestID, forKey: .requestID)
        }
    }
}
