public import SimpleAICore

/// An error as clients of the Messages API understand it (https://platform.claude.com/docs/en/api/errors).
public struct AnthropicError: Hashable, Sendable {
    /// The status of the response. It differs from the given one if the engine refused the length of the prompt.
    public let status: Int
    /// Such as `invalid_request_error`.
    public let type: String
    /// For the caller; an engine's words if it stated any.
    public let message: String

    /// - Parameters:
    ///   - status: the status of the response to the client.
    ///   - isInStream: whether it ends a stream, where an engine's error has no status to show what it is.
    public init(_ error: GatewayError, status: Int, isInStream: Bool = false) {
        let body = error.body
        let stated =
            isInStream ? error.engine.flatMap { Self.type(statedBy: $0) ?? Self.type(ofStated: $0.status) } : nil
        self.init(
            message: body.message, status: status, type: stated ?? Self.type(of: error.code, status: status),
            contextLength: error.engine.flatMap { ContextLengthError($0, status: $0.status ?? status) })
    }

    /// An engine's error that is passed on with its status.
    public init(_ engine: EngineError, status: Int, standard: String) {
        let type = Self.type(ofStatus: status)
        let isGeneral = type == "api_error" || type == "invalid_request_error"
        self.init(
            message: engine.message ?? standard, status: status,
            type: isGeneral ? Self.type(statedBy: engine) ?? type : type,
            contextLength: ContextLengthError(engine, status: status))
    }

    /// An error in the shape of OpenAI's API.
    public init(_ body: ErrorBody, status: Int) {
        let engine = EngineError(Array(body.json.utf8)[...])
        self.init(engine, status: status, standard: body.message)
    }

    private init(message: String, status: Int, type: String, contextLength: ContextLengthError?) {
        if let contextLength {
            (self.status, self.type, self.message) = (400, "invalid_request_error", contextLength.message)
        } else {
            (self.status, self.type, self.message) = (status, type, message)
        }
    }

    /// The body of a response.
    public func body(requestID: String) -> [UInt8] {
        var output = MessageBytes()
        output.write("{\"type\":\"error\",\"error\":{\"type\":")
        output.write(string: type)
        output.write(",\"message\":")
        output.write(string: message)
        output.write("},\"request_id\":")
        output.write(string: requestID)
        output.write("}")
        return output.bytes
    }

    /// The last event of a stream that failed; `message_stop` must not follow.
    public func event(requestID: String) -> [UInt8] {
        Array("event: error\ndata: ".utf8) + body(requestID: requestID) + Array("\n\n".utf8)
    }

    // MARK: Types

    /// The types that an engine may state. Errors about credentials and bills are about the gateway's own.
    private static let engineTypes = [
        "invalid_request_error", "not_found_error", "request_too_large", "rate_limit_error", "timeout_error",
        "api_error", "overloaded_error",
    ]

    private static func type(statedBy engine: EngineError) -> String? {
        if let type = engine.type, let known = engineTypes.first(where: { $0.isExactly(type) }) { return known }
        // In OpenAI's words.
        return [engine.type, engine.code].contains { $0?.isExactly("rate_limit_exceeded") ?? false }
            ? "rate_limit_error" : nil
    }

    private static func type(ofStated status: Int?) -> String? {
        guard let status, status != 401, status != 403 else { return nil }
        return type(ofStatus: status)
    }

    private static func type(of code: GatewayError.Code, status: Int) -> String {
        switch code {
        case .invalidJSON, .invalidRequest, .methodNotAllowed, .requestTimeout, .unsupportedMediaType, .headersTooLarge:
            "invalid_request_error"
        case .invalidAPIKey: "authentication_error"
        case .permissionDenied: "permission_error"
        case .modelNotFound, .notFound: "not_found_error"
        case .requestTooLarge: "request_too_large"
        case .rateLimitExceeded: "rate_limit_error"
        // An engine's error is passed on with its own status.
        case .upstreamError: type(ofStatus: status)
        case .internalError, .endpointNotSupported: "api_error"
        case .noRunnerAvailable, .queueFull, .wakeFailed, .keysUnavailable, .shuttingDown: "overloaded_error"
        case .wakeTimeout, .upstreamTimeout: "timeout_error"
        }
    }

    private static func type(ofStatus status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 503, 529: "overloaded_error"
        case 504: "timeout_error"
        case 400..<500: "invalid_request_error"
        default: "api_error"
        }
    }
}

extension AnthropicMessages {
    /// The body of an error response, and its status.
    public static func response(to error: GatewayError, status: Int, requestID: String) -> (status: Int, body: [UInt8])
    {
        let error = AnthropicError(error, status: status)
        return (error.status, error.body(requestID: requestID))
    }

    /// The event that ends a stream that failed.
    public static func event(of error: GatewayError, status: Int, requestID: String) -> [UInt8] {
        AnthropicError(error, status: status, isInStream: true).event(requestID: requestID)
    }
}
