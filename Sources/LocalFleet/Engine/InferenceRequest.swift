import SimpleAICore

/// The fields of a request that the simulated engine reads, on any endpoint; it ignores all others.
struct InferenceRequest: Decodable {
    var model: String?
    var stream: Bool?
    var streamOptions: StreamOptions?
    var maxTokens: Int?
    var maxCompletionTokens: Int?
    var maxOutputTokens: Int?
    var system: PromptText?
    var messages: [Message]?
    var prompt: PromptText?
    var input: PromptText?
    var encodingFormat: String?
    var dimensions: Int?
    var tools: [OfferedTool]?
    /// A name, or an object whose form depends on the API.
    var toolChoice: JSONValue?
    // Reasoning: Anthropic, OpenAI, Ollama.
    var thinking: JSONValue?
    var reasoningEffort: String?
    var think: JSONValue?
    // Rerank.
    var query: String?
    var documents: PromptText?
    var topN: Int?
    var returnDocuments: Bool?
    // Audio and images; the response format of a chat is an object.
    var responseFormat: JSONValue?
    var streamFormat: String?
    var count: Int?
    var partialImages: Int?
    // Ollama.
    var options: Options?
    /// Seconds as a number, or a duration such as `5m`.
    var keepAlive: JSONValue?

    struct StreamOptions: Decodable {
        var includeUsage: Bool?

        enum CodingKeys: String, CodingKey {
            case includeUsage = "include_usage"
        }
    }

    struct Options: Decodable {
        var maxTokens: Int?

        enum CodingKeys: String, CodingKey {
            case maxTokens = "num_predict"
        }
    }

    struct Message: Decodable {
        var role: String?
        var content: PromptText?

        /// Whether the message contains the result of a call, as Anthropic's API sends it.
        var hasToolResult: Bool {
            if case .list(let parts) = content { parts.contains(where: \.isToolResult) } else { false }
        }
    }

    enum CodingKeys: String, CodingKey {
        case model, stream, system, messages, prompt, input, dimensions, tools, thinking, think, query, documents
        case options
        case streamOptions = "stream_options"
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
        case maxOutputTokens = "max_output_tokens"
        case encodingFormat = "encoding_format"
        case toolChoice = "tool_choice"
        case reasoningEffort = "reasoning_effort"
        case topN = "top_n"
        case returnDocuments = "return_documents"
        case responseFormat = "response_format"
        case streamFormat = "stream_format"
        case count = "n"
        case partialImages = "partial_images"
        case keepAlive = "keep_alive"
    }

    /// All texts of the prompt, in order.
    var promptTexts: [String] {
        (system?.texts ?? []) + (messages ?? []).flatMap { $0.content?.texts ?? [] } + (prompt?.texts ?? [])
            + (input?.texts ?? [])
    }

    var tokenLimit: Int? {
        // Ollama's negative limits mean none.
        maxCompletionTokens ?? maxTokens ?? maxOutputTokens ?? options?.maxTokens.flatMap { $0 > 0 ? $0 : nil }
    }

    var asksForThinking: Bool {
        if let mode = thinking?.object?["type"]?.string { return mode != "disabled" }
        if let reasoningEffort { return reasoningEffort != "none" }
        return switch think {
        case .bool(let isOn): isOn
        case .string: true
        default: false
        }
    }

    /// Whether Ollama is asked to unload the model.
    var unloads: Bool { keepAlive?.number == 0 || keepAlive?.string.map { ["0", "0s", "0m"].contains($0) } ?? false }
}

extension InferenceRequest {
    /// The fields of a form (RFC 7578).
    init(_ form: MultipartForm) {
        self.init()
        model = form["model"]
        stream = form["stream"].map { $0 == "true" }
        prompt = form["prompt"].map { .text($0) }
        responseFormat = form["response_format"].map { .string($0) }
        count = form["n"].flatMap { Int($0) }
        partialImages = form["partial_images"].flatMap { Int($0) }
    }
}

/// Text in any of the shapes that OpenAI's endpoints accept: a string, a list of strings, a list of parts or messages,
/// token numbers.
enum PromptText: Decodable {
    case text(String)
    case list([PromptText])
    case part(Part)
    case token(Int)

    struct Part: Decodable {
        var type: String?
        var text: String?
        var content: Indirect?
    }

    /// A part may itself contain a list of parts.
    struct Indirect: Decodable {
        let texts: [String]

        init(from decoder: any Decoder) throws {
            texts = try PromptText(from: decoder).texts
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([PromptText].self) {
            self = .list(list)
        } else if let token = try? container.decode(Int.self) {
            self = .token(token)
        } else if container.decodeNil() {
            self = .list([])
        } else {
            self = .part(try container.decode(Part.self))
        }
    }

    /// Whether it is a part with the result of a call.
    var isToolResult: Bool {
        if case .part(let part) = self { part.type == "tool_result" } else { false }
    }

    var texts: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let list): list.flatMap(\.texts)
        case .part(let part): (part.text.map { [$0] } ?? []) + (part.content?.texts ?? [])
        case .token(let number): ["#\(number)"]
        }
    }
}
