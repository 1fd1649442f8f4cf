public import SimpleAICore

/// A response that states an error in the form of one dialect.
public struct ErrorResponse: Hashable, Sendable {
    /// HTTP status code.
    public let status: Int
    /// JSON.
    public let body: [UInt8]
}

/// The one table from errors to responses.
extension Dialect {
    /// The response to an error.
    /// - Parameter status: the gateway's status for the error's code.
    public func response(to error: GatewayError, status: Int, requestID: String) -> ErrorResponse {
        switch self {
        case .openAI: return ErrorResponse(status: status, body: Array(error.body.json.utf8))
        case .anthropic:
            let (status, body) = AnthropicMessages.response(to: error, status: status, requestID: requestID)
            return ErrorResponse(status: status, body: body)
        case .ollama:
            return ErrorResponse(status: status, body: OllamaErrors.body(error.body.message))
        }
    }

    /// The response to an engine's error that is passed on with its status.
    /// - Parameters:
    ///   - error: nil if the engine stated none.
    ///   - standard: the values for what the engine did not state.
    /// - Returns: nil if the engine's own body is forwarded unchanged, since it has the form of the dialect.
    public func response(
        toEngine error: EngineError?, standard: ErrorBody, status: Int, requestID: String
    ) -> ErrorResponse? {
        let body = error.map { ErrorBody($0, standard: standard) } ?? standard
        switch self {
        case .openAI:
            return error?.isComplete ?? false ? nil : ErrorResponse(status: status, body: Array(body.json.utf8))
        case .anthropic:
            let error = AnthropicError(error ?? EngineError(), status: status, standard: standard.message)
            return ErrorResponse(status: error.status, body: error.body(requestID: requestID))
        case .ollama:
            return ErrorResponse(status: status, body: OllamaErrors.body(body.message))
        }
    }

    /// The bytes that end a stream that failed, so that no client takes it for a complete one.
    public func failure(_ error: GatewayError, status: Int, requestID: String) -> [UInt8] {
        switch self {
        case .openAI: Array(error.body.event.utf8)
        case .anthropic: AnthropicMessages.event(of: error, status: status, requestID: requestID)
        case .ollama: OllamaErrors.line(error.body.message)
        }
    }
}
