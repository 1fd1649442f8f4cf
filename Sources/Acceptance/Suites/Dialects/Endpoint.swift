/// An endpoint that clients of one API call, beyond the chat completions that the other tests use.
public enum Endpoint: String, Sendable, CaseIterable {
    case messages
    case countTokens = "count-tokens"
    case ollamaChat = "ollama-chat"
    case ollamaGenerate = "ollama-generate"
    case ollamaEmbed = "ollama-embed"
    case ollamaTags = "ollama-tags"
    case responses
    case embeddings
    case rerank
    case speech
    case transcriptions
    case images

    /// The API that defines the shape of requests, responses and errors.
    enum Dialect: Sendable {
        case anthropic, ollama, openAI, rerank

        /// The API's name for reports.
        var name: String {
            switch self {
            case .anthropic: "Anthropic"
            case .ollama: "Ollama"
            case .openAI: "OpenAI"
            case .rerank: "rerank"
            }
        }
    }

    /// What a model must be able to do to serve the endpoint.
    enum ModelKind: Sendable, Hashable {
        case chat, embedding, rerank, speech, transcription, image

        /// The names of this ability in model lists, without the prefix `/v1/` of paths.
        var capabilityNames: Set<String> {
            switch self {
            case .chat:
                ["chat", "chat/completions", "api/chat", "completion", "completions", "generate", "text", "messages"]
            case .embedding: ["embedding", "embeddings", "embed", "api/embed"]
            case .rerank: ["rerank", "reranking"]
            case .speech: ["speech", "tts", "audio/speech"]
            case .transcription: ["transcription", "transcriptions", "asr", "stt", "audio/transcriptions"]
            case .image: ["image", "images", "image_generation", "images/generations"]
            }
        }
    }

    var path: String {
        switch self {
        case .messages: "/v1/messages"
        case .countTokens: "/v1/messages/count_tokens"
        case .ollamaChat: "/api/chat"
        case .ollamaGenerate: "/api/generate"
        case .ollamaEmbed: "/api/embed"
        case .ollamaTags: "/api/tags"
        case .responses: "/v1/responses"
        case .embeddings: "/v1/embeddings"
        case .rerank: "/v1/rerank"
        case .speech: "/v1/audio/speech"
        case .transcriptions: "/v1/audio/transcriptions"
        case .images: "/v1/images/generations"
        }
    }

    var method: String { self == .ollamaTags ? "GET" : "POST" }
    /// The method that the endpoint refuses.
    var otherMethod: String { self == .ollamaTags ? "POST" : "GET" }
    /// `POST /v1/messages`, for reports.
    var title: String { "\(method) \(path)" }

    var dialect: Dialect {
        switch self {
        case .messages, .countTokens: .anthropic
        case .ollamaChat, .ollamaGenerate, .ollamaEmbed, .ollamaTags: .ollama
        case .rerank: .rerank
        case .responses, .embeddings, .speech, .transcriptions, .images: .openAI
        }
    }

    /// Nil: the endpoint needs no model.
    var modelKind: ModelKind? {
        switch self {
        case .messages, .countTokens, .ollamaChat, .ollamaGenerate, .responses: .chat
        case .ollamaEmbed, .embeddings: .embedding
        case .ollamaTags: nil
        case .rerank: .rerank
        case .speech: .speech
        case .transcriptions: .transcription
        case .images: .image
        }
    }

    /// Whether the endpoint streams generated text.
    var streams: Bool {
        switch self {
        case .messages, .ollamaChat, .ollamaGenerate, .responses: true
        default: false
        }
    }

    /// Whether a response carries the name of the serving model in its body.
    var namesModel: Bool {
        switch self {
        case .messages, .ollamaChat, .ollamaGenerate, .ollamaEmbed, .responses, .embeddings: true
        case .countTokens, .ollamaTags, .rerank, .speech, .transcriptions, .images: false
        }
    }

    /// Whether a response states the tokens that it used.
    var statesUsage: Bool { namesModel }
}
