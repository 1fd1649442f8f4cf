public import SimpleAICore

/// Reads an engine's own message stream, one event at a time: where the model id is, usage, errors, completeness.
public struct MessagesStreamReader: Sendable {
    /// Whether `message_stop` was received. A stream that ends before it is truncated.
    public private(set) var isComplete = false
    /// Number of events that carried a piece of the completion.
    public private(set) var pieces = 0
    private var counts = MessageTokenCounts()

    private static let keys: JSONScanner.Keys = ["type", "message", "usage", "delta", "error"]

    public init() {}

    /// Nil if the engine has stated no usage yet.
    public var usage: TokenUsage? { counts.usage }

    /// - Parameter payload: the data of one event.
    public mutating func receive(_ payload: ArraySlice<UInt8>) -> StreamStep {
        // Data that is not JSON is forwarded as it is.
        guard let event = JSONMembers(document: payload, keys: Self.keys, grammar: .lenient) else {
            return .forward(modelAt: nil)
        }
        let type = event["type"]
        if type?.isString("content_block_delta") == true {
            if let delta = event["delta"], Self.isPiece(delta) { pieces += 1 }
            return .forward(modelAt: nil)
        }
        if type?.isString("error") == true || EngineError.isStated(error: event["error"], object: nil) {
            return .failed(EngineError(payload))
        }
        var model: Range<Int>?
        if type?.isString("message_start") == true, let message = event["message"] {
            if let usage = message["usage"] { counts.merge(usage) }
            model = message["model"].flatMap { $0.isString ? $0.bytes.startIndex..<$0.bytes.endIndex : nil }
        } else if type?.isString("message_delta") == true {
            if let usage = event["usage"] { counts.merge(usage) }
        } else if type?.isString("message_stop") == true {
            isComplete = true
        }
        return .forward(modelAt: model)
    }

    /// Whether a delta carries a part of the completion; a signature does not.
    private static func isPiece(_ delta: JSONSlice) -> Bool {
        ["text", "thinking", "partial_json"].contains { delta[$0]?.isEmpty == false }
    }
}

extension AnthropicMessages {
    private static let usageKeys: JSONScanner.Keys = ["usage"]

    /// The token counts of an engine's own message document.
    /// - Returns: nil if it states none, or is not a JSON object.
    static func usage(ofDocument body: ArraySlice<UInt8>) -> TokenUsage? {
        let document = JSONMembers(document: body, keys: usageKeys, grammar: .lenient)
        return document?["usage"].flatMap { TokenUsage(ofMessage: $0) }
    }
}
