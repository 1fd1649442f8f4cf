/// The error object that OpenAI's SDKs understand, always with all four keys.
public struct ErrorBody: Hashable, Sendable {
    public let message: String
    public let type: String
    public let param: String?
    public let code: String

    /// Uses the engine's values; `standard` provides the missing ones.
    public init(_ engine: EngineError, standard: ErrorBody) {
        self.init(
            message: engine.message ?? standard.message, type: engine.type ?? standard.type,
            param: engine.param ?? standard.param, code: engine.code ?? standard.code)
    }

    public init(message: String, type: String, param: String?, code: String) {
        self.message = message
        self.type = type
        self.param = param
        self.code = code
    }

    public var json: String {
        let param = param.map(JSONString.encode) ?? "null"
        return "{\"error\":{\"message\":\(JSONString.encode(message)),\"type\":\(JSONString.encode(type)),"
            + "\"param\":\(param),\"code\":\(JSONString.encode(code))}}"
    }

    /// The error as the last event of a stream.
    public var event: String { "data: \(json)\n\n" }
}
