public import SimpleAICore

extension Dialect {
    /// The media type of a stream.
    public var streamMediaType: String {
        switch self {
        case .openAI, .anthropic: "text/event-stream"
        case .ollama: OllamaEndpoint.streamMediaType
        }
    }

    /// The response field with the request's id that its clients read, besides `x-request-id`; nil for none.
    public var requestIDField: String? {
        switch self {
        case .anthropic: "request-id"
        case .openAI, .ollama: nil
        }
    }

    /// A note for people who watch the stream, which clients ignore; nil if the form of the stream has none.
    ///
    /// A comment (WHATWG HTML §9.2.6). Line breaks in the text are escaped, so it cannot end the comment.
    public func comment(_ text: String) -> [UInt8]? {
        switch self {
        case .openAI: Array(": \(JSONString.visible(text))\n\n".utf8)
        case .anthropic, .ollama: nil
        }
    }

    /// The token counts in an engine's own document; nil if it states none in this dialect's form, or if the form is
    /// OpenAI's, which `TokenUsage` reads.
    public func usage(ofDocument body: @autoclosure () -> ArraySlice<UInt8>) -> TokenUsage? {
        switch self {
        case .openAI: nil
        case .anthropic: AnthropicMessages.usage(ofDocument: body())
        case .ollama: OllamaStreamReader.usage(ofDocument: body())
        }
    }
}

extension Endpoint {
    /// The bytes that keep a stream alive while the caller waits. Clients ignore them.
    /// - Parameters:
    ///   - model: the public id of the model, or the model as the caller requested it.
    ///   - created: the current time (RFC 3339).
    public func keepalive(model: String, created: @autoclosure () -> String) -> [UInt8] {
        switch dialect {
        case .openAI: Array(": waiting\n\n".utf8)
        case .anthropic: AnthropicMessages.keepalive
        case .ollama:
            OllamaKeepalive.keepalive(
                model: model, created: created(), endpoint: OllamaEndpoint(path: path) ?? .chat)
        }
    }

    /// Whether a document is the result of another API: some engines answer every path with a chat completion, and
    /// llama.cpp serves chat completions at `/api/chat`, too.
    public func isForeign(document body: @autoclosure () -> ArraySlice<UInt8>) -> Bool {
        guard dialect != .openAI,
            let members = JSONMembers(document: body(), keys: Self.foreignKeys, grammar: .lenient)
        else { return false }
        switch self {
        case .messages: return members["type"]?.isString("message") != true
        case .countTokens: return members["input_tokens"]?.integer == nil
        default: return members["choices"] != nil || members["data"] != nil
        }
    }

    private static let foreignKeys: JSONScanner.Keys = ["choices", "data", "type", "input_tokens"]
}

extension OllamaStreamReader {
    private static let usageKeys: JSONScanner.Keys = ["prompt_eval_count", "eval_count"]

    /// The token counts of a document that is not streamed.
    static func usage(ofDocument body: ArraySlice<UInt8>) -> TokenUsage? {
        guard let members = JSONMembers(document: body, keys: usageKeys, grammar: .lenient) else { return nil }
        let (prompt, completion) = (members["prompt_eval_count"]?.integer, members["eval_count"]?.integer)
        guard prompt != nil || completion != nil else { return nil }
        return TokenUsage(prompt: max(0, prompt ?? 0), completion: max(0, completion ?? 0))
    }
}
