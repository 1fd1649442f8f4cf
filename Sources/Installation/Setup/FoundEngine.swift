import SimpleAICore

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

    /// The base URL, without /v1 and a trailing slash.
    public var url: String
    public var kind: Kind
    public var models: [Model]
    /// The number of concurrent calls that it reports.
    public var slots: Int?
    /// Whether it refuses requests without a key. Its models are then unknown.
    public var requiresKey: Bool

    /// - Parameter url: as clients write it; `/v1` and slashes at its end are removed.
    public init(url: String, kind: Kind, models: [Model], slots: Int? = nil, requiresKey: Bool = false) {
        self.url = Self.baseURL(url)
        self.requiresKey = requiresKey
        self.kind = kind
        self.models = models
        self.slots = slots
    }

    private static func baseURL(_ text: String) -> String {
        var url = Substring(text.drop { $0 == " " })
        while let last = url.last, last == "/" || last == " " { url.removeLast() }
        if url.hasSuffix("/v1") { url.removeLast(3) }
        while url.hasSuffix("/") { url.removeLast() }
        return String(url)
    }

    /// Scheme, host, port and path in a form that is the same for all URLs of one engine.
    private var address: String {
        guard let separator = url.firstRange(of: "://") else { return url }
        let scheme = url[..<separator.lowerBound].lowercased()
        let rest = url[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let path = rest[authority.endIndex...]
        var host = authority.lowercased()
        var port = scheme == "https" ? "443" : "80"
        // The colons of an IPv6 address are in brackets.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            port = String(host[host.index(after: colon)...])
            host = String(host[..<colon])
        }
        let isLoopback = ["localhost", "[::1]"].contains(host)
        return "\(scheme)://\(isLoopback ? "127.0.0.1" : host):\(port)\(path)"
    }

    /// Each engine once, although several URLs may name it: `http://localhost:8000/v1` is `http://127.0.0.1:8000`. The first
    /// one stays: two entries for one engine would count its slots twice.
    public static func distinct(_ engines: [FoundEngine]) -> [FoundEngine] {
        var seen: Set<ExactString> = []
        return engines.filter { seen.insert(ExactString($0.address)).inserted }
    }

    /// One line for a person. Names from the engine cannot affect the terminal.
    public var summary: String {
        guard !requiresKey else { return "\(JSONString.visible(url)): requires a key (api_key)" }
        let names = models.prefix(6).map { JSONString.visible($0.id) }.joined(separator: ", ")
        let more = models.count > 6 ? ", and \(models.count - 6) more" : ""
        return "\(JSONString.visible(url)) (\(kind.rawValue)): \(models.isEmpty ? "no models" : names + more)"
    }

    /// The ports on which engines listen by default.
    public static let ports: [(port: Int, name: String)] = [
        (11434, "Ollama"), (8080, "llama.cpp, LocalAI"), (8000, "vLLM"), (1234, "LM Studio"), (30000, "SGLang"),
        (8081, "llama.cpp"), (5000, "text-generation-webui"), (1337, "Jan"), (8090, "llama.cpp"),
    ]
}
