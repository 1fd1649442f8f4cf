/// The inference endpoints of the API.
public enum Endpoint: String, Hashable, Sendable, CaseIterable {
    case chatCompletions = "/v1/chat/completions"
    case completions = "/v1/completions"
    case embeddings = "/v1/embeddings"
    case responses = "/v1/responses"

    public var path: String { rawValue }

    /// Its name in settings: the path without its version, such as `chat/completions`.
    public var name: String { String(rawValue.dropFirst("/v1/".count)) }

    /// The endpoint of a path in any usual spelling: with or without `/v1`, with repeated or trailing slashes.
    public init?(written text: String) {
        let target = RequestTarget("/v1/\(text)")
        guard target.query.isEmpty, let endpoint = Endpoint(rawValue: target.path) else { return nil }
        self = endpoint
    }

    /// The field that contains the input of the model.
    public var requiredField: String {
        switch self {
        case .chatCompletions: "messages"
        case .completions: "prompt"
        case .embeddings, .responses: "input"
        }
    }

    /// Whether the endpoint has the option `stream_options.include_usage`.
    public var supportsStreamUsage: Bool { self == .chatCompletions || self == .completions }

    /// Its bit in a set of endpoints that is stored in one byte.
    public var bit: UInt8 {
        switch self {
        case .chatCompletions: 1
        case .completions: 2
        case .embeddings: 4
        case .responses: 8
        }
    }

    /// The members of a response that may contain the result.
    public static let resultKeys = [
        "choices", "data", "output", "embedding", "embeddings", "content", "response", "results",
    ]
}
