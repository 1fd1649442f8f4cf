/// The values that all parts of one response share.
struct ResponseEnvelope: Sendable {
    /// Unique among the engines of a machine; formats add their own prefix.
    let id: String
    /// Unix time, in seconds.
    let created: Int
    let model: String
    let promptTokens: Int
    let includesUsage: Bool
    let pace: EnginePace

    /// Marks the response as simulated, in a field that OpenAI defines.
    static let fingerprint: JSONText = "simulated"

    func usage(_ simulatedResponse: SimulatedResponse) -> JSONText {
        [
            "prompt_tokens": .integer(promptTokens),
            "completion_tokens": .integer(simulatedResponse.tokenCount),
            "total_tokens": .integer(promptTokens + simulatedResponse.tokenCount),
        ]
    }
}

/// How one endpoint encodes a response: as one JSON document, or as a stream.
protocol ResponseFormat: Sendable {
    init(_ envelope: ResponseEnvelope)

    /// The media type of a stream.
    static var streamType: String { get }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText
    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart]
    /// The parts for each unit of the response, which are sent at the engine's pace.
    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]]
    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart]
}

extension ResponseFormat {
    static var streamType: String { "text/event-stream" }
}
