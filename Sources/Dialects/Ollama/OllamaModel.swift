/// A model as Ollama's lists describe it. Values that the gateway does not know have a form that clients accept and that
/// states nothing: empty strings, size 0, no capabilities.
public struct OllamaModel: Hashable, Sendable {
    /// What is known of the weights.
    public struct Details: Hashable, Sendable {
        /// Such as `gguf`.
        public var format: String
        /// The architecture, such as `llama`.
        public var family: String
        /// Such as `8.0B`.
        public var parameterSize: String
        /// Such as `Q4_K_M`.
        public var quantizationLevel: String

        public init(
            format: String = "", family: String = "", parameterSize: String = "", quantizationLevel: String = ""
        ) {
            self.format = format
            self.family = family
            self.parameterSize = parameterSize
            self.quantizationLevel = quantizationLevel
        }
    }

    /// The public model id: `name` and `model` in lists.
    public var id: String
    /// RFC 3339.
    public var modifiedAt: String
    /// In bytes; 0 if unknown.
    public var size: Int
    /// 64 hexadecimal digits; nil if the engine states none. Ollama's command line cuts it after 12 characters and cannot
    /// print a shorter one, so an unknown digest is replaced by one of the id.
    public var digest: String?
    public var details: Details
    /// Of `completion`, `tools`, `insert`, `vision`, `embedding`, `thinking`.
    public var capabilities: [String]
    /// In tokens.
    public var contextLength: Int?

    public init(
        id: String, modifiedAt: String, size: Int = 0, digest: String? = nil, details: Details = Details(),
        capabilities: [String] = [], contextLength: Int? = nil
    ) {
        self.id = id
        self.modifiedAt = modifiedAt
        self.size = size
        self.digest = digest
        self.details = details
        self.capabilities = capabilities
        self.contextLength = contextLength
    }

    /// The stated digest, or 64 digits that identify the id: four FNV-1a hashes. It protects nothing.
    var identifyingDigest: String {
        if let digest, digest.utf8.count >= 12 { return digest }
        return (0..<4 as Range<UInt64>).reduce(into: "") { text, lane in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ (lane &* 0x9E37_79B9_7F4A_7C15)
            for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            let digits = String(hash, radix: 16)
            text += String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
    }
}

/// A model that an engine has in memory.
public struct OllamaLoadedModel: Hashable, Sendable {
    public var model: OllamaModel
    /// When the engine frees its memory (RFC 3339); nil if it is unknown.
    public var expiresAt: String?
    /// In bytes of video memory; 0 if unknown.
    public var sizeInVRAM: Int

    public init(model: OllamaModel, expiresAt: String? = nil, sizeInVRAM: Int = 0) {
        self.model = model
        self.expiresAt = expiresAt
        self.sizeInVRAM = sizeInVRAM
    }
}
