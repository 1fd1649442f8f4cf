public import SimpleAICore

/// Translates an engine's responses into the dialect of the caller.
public struct ResponseTranslation: Sendable {
    enum Form: Sendable {
        case messages(id: String, includesThinking: Bool)
        case ollama(OllamaEndpoint)
    }

    private let form: Form
    private let model: String
    private let clock: ResponseClock

    init(_ form: Form, model: String, clock: ResponseClock) {
        self.form = form
        self.model = model
        self.clock = clock
    }

    /// - Parameter body: a (chat) completion, or a list of embeddings.
    /// - Returns: nil if it is neither.
    public func document(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        switch form {
        case .messages(let id, let includesThinking):
            AnthropicMessages.response(
                fromCompletion: body, model: model, messageID: id, includesThinking: includesThinking)
        case .ollama(let endpoint) where endpoint.streamsByDefault:
            OllamaResponse.response(
                fromCompletion: body, endpoint: endpoint, model: model, created: clock.timestamp(),
                durations: clock.durations())
        case .ollama(let endpoint):
            OllamaResponse.response(
                fromEmbeddings: body, endpoint: endpoint, model: model, durations: clock.durations())
        }
    }

    /// A document as a complete stream: for an engine that does not stream.
    ///
    /// - Parameter body: a (chat) completion.
    /// - Returns: nil if it is none, or too large.
    public func completeStream(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        guard document(body) != nil else { return nil }
        var stream = stream()
        let bytes = stream.receive(body) + stream.end()
        return stream.failure == nil ? bytes : nil
    }

    /// The translation of a stream of chat completion chunks.
    public func stream() -> StreamTranslation { StreamTranslation(form, model: model, clock: clock) }
}

/// Translates an engine's chat completion stream, in one of the dialects: one of the parts is there. Not an existential,
/// since a stream has thousands of events.
public struct StreamTranslation: ChatStreamTranslation, Sendable {
    private var messages: MessagesStreamTranslation?
    private var ollama: OllamaStreamTranslation?

    init(_ form: ResponseTranslation.Form, model: String, clock: ResponseClock) {
        switch form {
        case .messages(let id, let includesThinking):
            messages = MessagesStreamTranslation(model: model, messageID: id, includesThinking: includesThinking)
        case .ollama(let endpoint):
            ollama = OllamaStreamTranslation(endpoint: endpoint, model: model, clock: clock)
        }
    }

    public mutating func receive(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        messages?.receive(payload) ?? ollama?.receive(payload) ?? []
    }

    public mutating func end() -> [UInt8] { messages?.end() ?? ollama?.end() ?? [] }

    public var failure: String? { messages?.failure ?? ollama?.failure }
}

/// Reads an engine's own stream of a dialect other than OpenAI's: one of the parts is there.
public struct NativeStreamReader: Sendable {
    private var messages: MessagesStreamReader?
    private var ollama: OllamaStreamReader?

    /// - Parameter model: the public id of the serving model.
    /// - Returns: nil for OpenAI's dialect.
    public init?(_ endpoint: Endpoint, model: String) {
        switch endpoint.dialect {
        case .openAI: return nil
        case .anthropic: messages = MessagesStreamReader()
        case .ollama: ollama = OllamaStreamReader(model: model)
        }
    }

    /// - Parameters:
    ///   - payload: the data of an event, or a line.
    ///   - isNamedError: whether the event has the name `error`.
    public mutating func receive(
        _ payload: ArraySlice<UInt8>, isNamedError: @autoclosure () -> Bool = false
    ) -> StreamStep {
        messages?.receive(payload, isNamedError: isNamedError()) ?? ollama?.receive(payload)
            ?? .forward(modelAt: nil)
    }

    /// Whether the stream is that of another API; set with the step `failed`.
    public var isForeign: Bool { messages?.isForeign ?? false }

    /// Whether the stream's end was received. A stream that ends before it is truncated.
    public var isComplete: Bool { messages?.isComplete ?? ollama?.isComplete ?? false }
    /// Nil if the engine has stated none.
    public var usage: TokenUsage? { messages?.usage ?? ollama?.usage }
    /// Number of events or lines that carried a piece of the completion.
    public var pieces: Int { messages?.pieces ?? ollama?.pieces ?? 0 }
}
