extension Endpoint {
    /// The capability that a model needs for a call of this endpoint.
    public var capability: ModelCapability {
        switch self {
        case .chatCompletions, .completions, .responses, .messages, .countTokens, .ollamaChat, .ollamaGenerate: .chat
        case .embeddings, .ollamaEmbed, .ollamaEmbeddings: .embedding
        case .rerank, .rerankV2, .rerankUnversioned: .rerank
        case .speech: .speech
        case .transcriptions, .translations: .transcription
        case .imageGenerations, .imageEdits, .imageVariations: .image
        }
    }
}

extension ModelCapability {
    /// The capabilities that endpoints need; the others describe a model further.
    public static let ofEndpoints = Set(Endpoint.allCases.map(\.capability))

    /// The capability that the name of a model suggests; nil for most names. A name can mislead, so no call is refused
    /// because of it.
    public static func suggested(by name: String) -> ModelCapability? {
        let name = name.lowercased()
        return hints.first { hint in hint.words.contains { name.contains($0) } }?.capability
    }

    /// In order: names of rerankers often contain the name of an embedding model, too.
    private static let hints: [(capability: ModelCapability, words: [String])] = [
        (.rerank, ["rerank"]), (.embedding, ["embed", "minilm", "bge-", "gte-", "e5-"]),
        (.transcription, ["whisper", "parakeet"]), (.speech, ["kokoro", "piper", "-tts", "tts-"]),
        (.image, ["stable-diffusion", "sdxl", "flux.1"]),
    ]
}

/// A set of endpoints.
public struct EndpointSet: Hashable, Sendable {
    /// One bit for each endpoint.
    public private(set) var bits: UInt32

    public init(_ endpoints: some Sequence<Endpoint>) { bits = endpoints.reduce(0) { $0 | $1.bit } }

    public static let all = EndpointSet(Endpoint.allCases)

    public func contains(_ endpoint: Endpoint) -> Bool { bits & endpoint.bit != 0 }

    public mutating func insert(_ endpoint: Endpoint) { bits |= endpoint.bit }

    public mutating func formUnion(_ other: EndpointSet) { bits |= other.bits }

    /// Its endpoints that a model with one of these capabilities can serve.
    public func served(with capabilities: Set<ModelCapability>) -> EndpointSet {
        EndpointSet(endpoints.filter { capabilities.contains($0.capability) })
    }

    public var endpoints: [Endpoint] { Endpoint.allCases.filter(contains) }
}
