/// An engine that was found on this machine or its network.
public struct FoundEngine: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case ollama
        case llamaServer = "llama-server"
        case openAI = "openai"
    }

    public struct Model: Hashable, Sendable {
        public var id: String
        /// In bytes; nil if the engine does not report it.
        public var size: Int?

        public init(id: String, size: Int? = nil) {
            self.id = id
            self.size = size
        }
    }

    /// Without a path.
    public var url: String
    public var kind: Kind
    public var models: [Model]
    /// The number of concurrent calls that it reports.
    public var slots: Int?

    public init(url: String, kind: Kind, models: [Model], slots: Int? = nil) {
        self.url = url
        self.kind = kind
        self.models = models
        self.slots = slots
    }

    /// The ports on which engines listen by default.
    public static let ports: [(port: Int, name: String)] = [
        (11434, "Ollama"), (8080, "llama.cpp, LocalAI"), (8000, "vLLM"), (1234, "LM Studio"), (30000, "SGLang"),
        (8081, "llama.cpp"), (5000, "text-generation-webui"), (1337, "Jan"), (8090, "llama.cpp"),
    ]
}
