/// The inference paths of the contract.
public enum Endpoint: String, Hashable, Sendable, CaseIterable {
    case chatCompletions = "/v1/chat/completions"
    case completions = "/v1/completions"
    case embeddings = "/v1/embeddings"
    case responses = "/v1/responses"

    public var path: String { rawValue }

    /// The field without which the engine has nothing to do.
    public var requiredField: String {
        switch self {
        case .chatCompletions: "messages"
        case .completions: "prompt"
        case .embeddings, .responses: "input"
        }
    }

    /// Whether `stream_options.include_usage` exists there.
    public var knowsStreamUsage: Bool { self == .chatCompletions }
}
