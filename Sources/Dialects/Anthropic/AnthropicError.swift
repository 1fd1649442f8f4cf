public import SimpleAICore

/// An error as clients of the Messages API understand it (https://platform.claude.com/docs/en/api/errors).
public struct AnthropicError: Hashable, Sendable {
    /// The status of the response. It differs from the given one if the engine refused the length of the prompt.
    public let status: Int
    /// Such as `invalid_request_error`.
    public let type: String
    /// For the caller; an engine's words if it stated any.
    public let message: String

    /// - Parameter status: the status of the response to the client.
    public init(_ error: GatewayError, status: Int) {
        let body = error.body
        self.init(
            message: body.message, status: status, type: Self.type(of: error.code, status: status),
            contextLength: error.engine.flatMap { ContextLengthError($0, status: $0.status ?? status) })
    }

    /// An engine's error that is passed on with its status.
    public init(_ engine: EngineError, status: Int, standard: String) {
        self.init(
            message: engine.message ?? standard, status: status, type: Self.type(ofStatus: status),
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
        AnthropicError(error, status: status).event(requestID: requestID)
    }
}
