/// The fields of a request that the simulated engine reads, on any endpoint; it ignores all others.
struct InferenceRequest: Decodable {
    var model: String?
    var stream: Bool?
    var streamOptions: StreamOptions?
    var maxTokens: Int?
    var maxCompletionTokens: Int?
    var maxOutputTokens: Int?
    var messages: [Message]?
    var prompt: PromptText?
    var input: PromptText?
    var encodingFormat: String?
    var dimensions: Int?

    struct StreamOptions: Decodable {
        var includeUsage: Bool?

        enum CodingKeys: String, CodingKey {
            case includeUsage = "include_usage"
        }
    }

    struct Message: Decodable {
        var content: PromptText?
    }

    enum CodingKeys: String, CodingKey {
        case model, stream, messages, prompt, input, dimensions
        case streamOptions = "stream_options"
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
        case maxOutputTokens = "max_output_tokens"
        case encodingFormat = "encoding_format"
    }

    /// All texts of the prompt, in order.
    var promptTexts: [String] {
        (messages ?? []).flatMap { $0.content?.texts ?? [] } + (prompt?.texts ?? []) + (input?.texts ?? [])
    }

    var tokenLimit: Int? { maxCompletionTokens ?? maxTokens ?? maxOutputTokens }
}

/// Text in any of the shapes that OpenAI's endpoints accept: a string, a list of strings, a list of parts or messages,
/// token numbers.
enum PromptText: Decodable {
    case text(String)
    case list([PromptText])
    case part(Part)
    case token(Int)

    struct Part: Decodable {
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

    var texts: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let list): list.flatMap(\.texts)
        case .part(let part): (part.text.map { [$0] } ?? []) + (part.content?.texts ?? [])
        case .token(let number): ["#\(number)"]
        }
    }
}
