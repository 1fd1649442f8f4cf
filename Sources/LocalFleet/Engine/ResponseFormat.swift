/// The values that all parts of one response share.
struct ResponseEnvelope: Sendable {
    /// Unique among the engines of a machine; formats add their own prefix.
    let id: String
    /// Unix time, in seconds.
    let created: Int
    let model: String
    let promptTokens: Int
    let includesUsage: Bool

    /// Marks the response as simulated, in a field that OpenAI defines.
    static let fingerprint: JSONText = "simulated"

    func usage(_ simulatedResponse: SimulatedResponse) -> JSONText {
        [
            "prompt_tokens": .integer(promptTokens),
            "completion_tokens": .integer(simulatedResponse.tokens.count),
            "total_tokens": .integer(promptTokens + simulatedResponse.tokens.count),
        ]
    }
}

/// How one endpoint encodes a response as JSON, as one document or as a stream of events.
protocol ResponseFormat: Sendable {
    init(_ envelope: ResponseEnvelope)

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText
    func opening(_ simulatedResponse: SimulatedResponse) -> [ServerSentEvent]
    func token(_ text: String, at index: Int) -> [ServerSentEvent]
    func closing(_ simulatedResponse: SimulatedResponse) -> [ServerSentEvent]
}

struct ServerSentEvent: Sendable {
    var name: String?
    var data: [UInt8]

    init(name: String? = nil, _ data: JSONText) {
        self.name = name
        self.data = data.utf8
    }

    private init(data: [UInt8]) {
        self.data = data
    }

    /// The event that ends a stream of completions.
    static let done = ServerSentEvent(data: Array("[DONE]".utf8))

    var bytes: [UInt8] {
        let head = name.map { "event: \($0)\n" } ?? ""
        return Array(head.utf8) + "data: ".utf8 + data + "\n\n".utf8
    }
}
