/// The inference endpoints of the gateway, by their paths.
public enum Endpoint: String, Hashable, Sendable, CaseIterable {
    case chatCompletions = "/v1/chat/completions"
    case completions = "/v1/completions"
    case embeddings = "/v1/embeddings"
    case responses = "/v1/responses"
    /// Cohere's and Jina's API. Engines serve different spellings of the path, so a call keeps its own.
    case rerank = "/v1/rerank"
    case rerankV2 = "/v2/rerank"
    case rerankUnversioned = "/rerank"
    case speech = "/v1/audio/speech"
    case transcriptions = "/v1/audio/transcriptions"
    case translations = "/v1/audio/translations"
    case imageGenerations = "/v1/images/generations"
    case imageEdits = "/v1/images/edits"
    case imageVariations = "/v1/images/variations"
    case messages = "/v1/messages"
    case countTokens = "/v1/messages/count_tokens"
    case ollamaChat = "/api/chat"
    case ollamaGenerate = "/api/generate"
    case ollamaEmbed = "/api/embed"
    /// The older form of `ollamaEmbed`: one prompt, one vector.
    case ollamaEmbeddings = "/api/embeddings"

    /// The media type of a request.
    public enum BodyKind: Hashable, Sendable {
        case json
        /// `multipart/form-data` (RFC 7578).
        case multipart
        case either
    }

    /// The form of a successful response.
    public enum ResultKind: Hashable, Sendable {
        /// A JSON object.
        case document
        /// A JSON object, or server-sent events.
        case events
        /// A JSON object, or lines of JSON (NDJSON).
        case lines
        /// Any media type, forwarded byte for byte as it arrives.
        case media
    }

    /// The path at the gateway and at an engine.
    public var path: String { rawValue }

    /// Its name in settings (`runners[].endpoints`): the path without its version, such as `chat/completions`. The
    /// spellings of `rerank` share one name.
    public var name: String {
        switch self {
        case .rerank, .rerankV2, .rerankUnversioned: "rerank"
        case .ollamaChat, .ollamaGenerate, .ollamaEmbed, .ollamaEmbeddings: String(rawValue.dropFirst("/".count))
        default: String(rawValue.dropFirst("/v1/".count))
        }
    }

    /// The names of all endpoints, each once.
    public static let names: [String] = allCases.map(\.name).reduce(into: []) { names, name in
        if !names.contains(name) { names.append(name) }
    }

    /// The endpoint of a path in any usual spelling: with or without `/v1`, with repeated or trailing slashes.
    public init?(written text: String) {
        let target = RequestTarget("/v1/\(text)")
        guard target.query.isEmpty, let endpoint = Endpoint(rawValue: target.path) else { return nil }
        self = endpoint
    }

    /// Its bit in a set of endpoints.
    public var bit: UInt32 {
        let index: UInt32 =
            switch self {
            case .chatCompletions: 0
            case .completions: 1
            case .embeddings: 2
            case .responses: 3
            case .rerank: 4
            case .rerankV2: 5
            case .rerankUnversioned: 6
            case .speech: 7
            case .transcriptions: 8
            case .translations: 9
            case .imageGenerations: 10
            case .imageEdits: 11
            case .imageVariations: 12
            case .messages: 13
            case .countTokens: 14
            case .ollamaChat: 15
            case .ollamaGenerate: 16
            case .ollamaEmbed: 17
            case .ollamaEmbeddings: 18
            }
        return 1 << index
    }

    /// The members of a response that may contain the result.
    public static let resultKeys = [
        "choices", "data", "output", "embedding", "embeddings", "content", "response", "results",
    ]
}
