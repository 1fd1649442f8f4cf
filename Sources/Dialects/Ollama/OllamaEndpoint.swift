/// The endpoints of Ollama's API.
public enum OllamaEndpoint: String, Hashable, Sendable, CaseIterable {
    case chat = "/api/chat"
    case generate = "/api/generate"
    case embed = "/api/embed"
    /// The older endpoint for one embedding.
    case embeddings = "/api/embeddings"
    case tags = "/api/tags"
    case ps = "/api/ps"
    case show = "/api/show"
    case version = "/api/version"
    case pull = "/api/pull"
    case push = "/api/push"
    case create = "/api/create"
    case copy = "/api/copy"
    case delete = "/api/delete"
    /// `/api/blobs/{digest}`.
    case blobs = "/api/blobs"

    /// The endpoint of a path without query; the path of a blob ends with its digest.
    public init?(path: String) {
        if let endpoint = OllamaEndpoint(rawValue: path) {
            self = endpoint
        } else if path.utf8.starts(with: "/api/blobs/".utf8) {
            self = .blobs
        } else {
            return nil
        }
    }

    /// Whether a request without `stream` is answered with a stream, as Ollama does.
    public var streamsByDefault: Bool { self == .chat || self == .generate }

    /// The sentence of the response 501 to an endpoint that changes the models of a machine; nil for every other
    /// endpoint.
    public var unsupportedMessage: String? {
        let action: String
        switch self {
        case .pull: action = "download"
        case .push: action = "upload"
        case .create: action = "create"
        case .copy: action = "copy"
        case .delete: action = "delete"
        case .blobs: action = "store files of"
        default: return nil
        }
        return "This gateway does not \(action) models. Manage models on the machine that runs them; "
            + "GET /api/tags lists the models that you can use."
    }

    /// The text (`text/plain; charset=utf-8`) of `GET /`, by which clients recognize a server. `HEAD /` has the same
    /// header without the text.
    public static let greeting = "Ollama is running"

    /// The media type of a stream of lines.
    public static let streamMediaType = "application/x-ndjson"
}
