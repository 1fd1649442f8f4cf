/// What distinguishes the endpoints: the table that the planes of the gateway and agents share.
extension Endpoint {
    /// The API that the endpoint belongs to.
    public var dialect: Dialect {
        switch self {
        case .messages, .countTokens: .anthropic
        case .ollamaChat, .ollamaGenerate, .ollamaEmbed, .ollamaEmbeddings: .ollama
        default: .openAI
        }
    }

    /// The media type of its requests.
    public var bodyKind: BodyKind {
        switch self {
        case .transcriptions, .translations, .imageVariations: .multipart
        case .imageEdits: .either
        default: .json
        }
    }

    /// Whether the media type of a JSON body must be JSON, or absent. Ollama reads JSON whatever the type is, and the examples
    /// of its documentation send the type of a form.
    public var requiresJSONType: Bool { dialect != .ollama }

    public var resultKind: ResultKind {
        switch self {
        case .chatCompletions, .completions, .responses, .messages: .events
        case .ollamaChat, .ollamaGenerate: .lines
        case .speech, .transcriptions, .translations, .imageGenerations, .imageEdits, .imageVariations: .media
        case .embeddings, .rerank, .rerankV2, .rerankUnversioned, .countTokens, .ollamaEmbed, .ollamaEmbeddings:
            .document
        }
    }

    /// The field without which a JSON body is refused, unless it has one of `alternativeFields`; nil if all fields are left
    /// to the engine.
    public var requiredField: String? {
        switch self {
        case .chatCompletions, .messages, .countTokens: "messages"
        case .completions, .imageGenerations, .ollamaEmbeddings: "prompt"
        case .embeddings, .responses, .speech, .ollamaEmbed: "input"
        case .rerank, .rerankV2, .rerankUnversioned: "query"
        // Without input, Ollama only loads the model.
        case .transcriptions, .translations, .imageEdits, .imageVariations, .ollamaChat, .ollamaGenerate: nil
        }
    }

    /// Fields that engines accept in place of `requiredField`: vLLM embeds a conversation and completes embeddings,
    /// llama.cpp reads `content`, and a response may consist of a stored prompt, or continue a conversation or response.
    public var alternativeFields: [String] {
        switch self {
        case .embeddings: ["messages", "content"]
        case .completions: ["prompt_embeds"]
        case .responses: ["prompt", "conversation", "previous_response_id"]
        default: []
        }
    }

    /// The field with the conversation or prompt that placement by prefix compares.
    public var inputField: String? {
        switch self {
        case .ollamaChat: "messages"
        case .ollamaGenerate: "prompt"
        default: requiredField
        }
    }

    /// Whether the response is streamed unless the request states otherwise.
    public var streamsByDefault: Bool { resultKind == .lines }

    /// Whether the gateway reads the streams of this endpoint. Others are forwarded byte for byte, without keepalives.
    public var readsStreams: Bool { resultKind != .media }
    /// Whether any successful response is a result: text, audio, or a list, as engines respond here. Elsewhere a result is a
    /// JSON object.
    public var hasResultsOfAnyForm: Bool { resultKind == .media || capability == .rerank }

    /// Whether the endpoint has the option `stream_options.include_usage`.
    public var supportsStreamUsage: Bool { self == .chatCompletions || self == .completions }

    /// Whether the gateway has a response of its own if no runner can serve the call now, so that the call never waits,
    /// wakes or loads anything.
    public var hasEstimate: Bool { self == .countTokens }

    /// The paths of this API, this one first: engines serve some of them, with the same requests and results.
    public var spellings: [Endpoint] {
        hasOtherSpellings ? [self] + Self.rerankSpellings.filter { $0 != self } : [self]
    }

    public var hasOtherSpellings: Bool {
        switch self {
        case .rerank, .rerankV2, .rerankUnversioned: true
        default: false
        }
    }

    private static let rerankSpellings: [Endpoint] = [.rerank, .rerankUnversioned, .rerankV2]

    /// The endpoint to which the call can be translated for an engine that does not serve this one; nil if it cannot.
    public var translation: Endpoint? {
        switch self {
        case .messages, .ollamaChat, .ollamaGenerate: .chatCompletions
        case .ollamaEmbed, .ollamaEmbeddings: .embeddings
        default: nil
        }
    }
}
