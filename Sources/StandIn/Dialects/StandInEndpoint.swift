/// The paths of the other APIs that the stand-in serves.
enum StandInEndpoint: String, CaseIterable {
    case messages = "/v1/messages"
    case countTokens = "/v1/messages/count_tokens"
    case ollamaChat = "/api/chat"
    case ollamaGenerate = "/api/generate"
    case ollamaEmbed = "/api/embed"
    case ollamaTags = "/api/tags"
    case responses = "/v1/responses"
    case embeddings = "/v1/embeddings"
    case rerank = "/v1/rerank"
    case speech = "/v1/audio/speech"
    case transcriptions = "/v1/audio/transcriptions"
    case images = "/v1/images/generations"

    var method: String { self == .ollamaTags ? "GET" : "POST" }
    var isAnthropic: Bool { self == .messages || self == .countTokens }
    var isOllama: Bool { rawValue.hasPrefix("/api/") }

    /// Whether it generates text, with `sim-small` and `sim-large`.
    var isChat: Bool {
        switch self {
        case .messages, .countTokens, .ollamaChat, .ollamaGenerate, .responses: true
        default: false
        }
    }

    /// The model that serves it, where the list states capabilities; nil: the models of text.
    var ownModel: String? {
        switch self {
        case .ollamaEmbed, .embeddings: "sim-embed"
        case .rerank: "sim-rank"
        case .speech: "sim-voice"
        case .transcriptions: "sim-listen"
        case .images: "sim-paint"
        default: nil
        }
    }

    /// The models of one endpoint, as the model list shows them.
    static let listedModels = [
        ("sim-embed", "embedding"), ("sim-rank", "rerank"), ("sim-voice", "speech"), ("sim-listen", "transcription"),
        ("sim-paint", "image"),
    ].map { id, capability in
        #"{"id":"\#(id)","object":"model","created":1,"owned_by":"stand-in","state":"ready","#
            + #""capabilities":["\#(capability)"]}"#
    }
}
