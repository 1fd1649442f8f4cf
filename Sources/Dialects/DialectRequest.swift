public import SimpleAICore

/// A request of a dialect other than OpenAI's, checked, with what the gateway needs to translate and to answer it.
public struct DialectRequest: Sendable {
    private enum Form {
        case messages(MessagesRequest)
        case ollama(OllamaRequest)
    }

    private let form: Form

    /// A request for an engine that serves OpenAI's API.
    public struct Translated: Sendable {
        public let endpoint: Endpoint
        /// Its `model` is the caller's.
        public let body: [UInt8]
        /// The fields without an equivalent, for a log line.
        public let droppedFields: [String]
    }

    /// Reads a request and checks it, so that one that cannot be translated is refused before it waits for a runner.
    /// - Parameter body: the whole body, as the client sent it.
    /// - Returns: nil for OpenAI's dialect, whose requests are forwarded as they are.
    /// - Throws: `invalidJSON`, or `invalidRequest` with the field's path as `param`.
    public init?(_ endpoint: Endpoint, _ body: @autoclosure () -> ArraySlice<UInt8>) throws(GatewayError) {
        switch endpoint.dialect {
        case .openAI: return nil
        case .anthropic: form = .messages(try MessagesRequest(body()))
        case .ollama:
            guard let endpoint = OllamaEndpoint(path: endpoint.path) else { return nil }
            form = .ollama(try OllamaRequest(body(), endpoint: endpoint))
        }
        try check()
    }

    /// Checks the types of all values that a translation reads, nested ones included, without writing one.
    /// - Throws: `invalidRequest` with the field's path as `param`: the error of `translated()`.
    func check() throws(GatewayError) {
        switch form {
        case .messages(let request): try AnthropicMessages.check(request)
        case .ollama: break  // `OllamaRequest` checks all values.
        }
    }

    /// The bytes of the body that mean nothing to a model and may change with every request, as offsets from its start:
    /// a native engine keeps its prompt cache if they are removed. The rest is a valid request. Nil for none.
    public var promptCacheBreaker: Range<Int>? {
        switch form {
        case .messages(let request): request.billingHeader
        case .ollama: nil
        }
    }

    /// Maximum number of completion tokens; nil if the caller sets none.
    public var maxTokens: Int? {
        switch form {
        case .messages(let request): request.maxTokens
        case .ollama(let request): request.maxTokens
        }
    }

    /// The end user as the caller names it.
    public var user: String? {
        switch form {
        case .messages(let request): request.user
        case .ollama: nil
        }
    }

    /// - Throws: `invalidRequest` for content that cannot be translated.
    public func translated() throws(GatewayError) -> Translated {
        switch form {
        case .messages(let request):
            let translated = try AnthropicMessages.chatRequest(from: request)
            return Translated(
                endpoint: .chatCompletions, body: translated.body, droppedFields: translated.droppedFields)
        case .ollama(let request):
            let translated = try request.translation()
            return Translated(
                endpoint: translated.endpoint, body: translated.body, droppedFields: translated.droppedFields)
        }
    }

    // MARK: Responses without an engine

    /// The response to a request that needs no runner; nil for all others. Ollama's clients free a model's memory with
    /// a request without input; other callers may use the model, so the gateway decides about its memory.
    public func responseWithoutRunner(model: String, created: String) -> [UInt8]? {
        guard case .ollama(let request) = form, request.purpose == .unload else { return nil }
        return OllamaResponse.withoutInput(to: request, model: model, created: created)
    }

    /// The response to a request that only needs a runner with its model in memory; nil for all others.
    public func responseWithoutEngine(model: String, created: String) -> [UInt8]? {
        guard case .ollama(let request) = form, request.purpose == .load else { return nil }
        return OllamaResponse.withoutInput(to: request, model: model, created: created)
    }

    /// The response to `/v1/messages/count_tokens` without an engine; nil for other endpoints.
    public func tokenCount(of endpoint: Endpoint) -> [UInt8]? {
        guard endpoint == .countTokens, case .messages(let request) = form else { return nil }
        return AnthropicMessages.tokenCount(of: request)
    }

    /// The translation of responses to this request.
    /// - Parameters:
    ///   - endpoint: the caller's.
    ///   - model: the public id of the serving model.
    public func responses(
        at endpoint: Endpoint, call: CallID, model: String, clock: ResponseClock
    ) -> ResponseTranslation {
        switch form {
        case .messages(let request):
            ResponseTranslation(
                .messages(id: AnthropicMessages.messageID(for: call), includesThinking: request.includesThinking),
                model: model, clock: clock)
        case .ollama(let request):
            ResponseTranslation(.ollama(request.endpoint), model: model, clock: clock)
        }
    }
}
