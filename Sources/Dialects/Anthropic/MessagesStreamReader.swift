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
        // Data that is not JSON is not ours to judge.
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
    /// What the gateway reads in an engine's own message document.
    public struct NativeDocument: Hashable, Sendable {
        /// The indices of the value of `model` in the document, with its quotes; nil if there is none.
        public let modelAt: Range<Int>?
        /// Nil if the engine stated none.
        public let usage: TokenUsage?
        /// The error that the document states, whatever its status is.
        public let error: EngineError?
    }

    private static let documentKeys: JSONScanner.Keys = ["type", "model", "usage", "error"]

    /// Reads a response of an engine's own `/v1/messages`.
    /// - Returns: nil if it is not a JSON object.
    public static func nativeDocument(_ body: ArraySlice<UInt8>) -> NativeDocument? {
        guard let document = JSONMembers(document: body, keys: documentKeys, grammar: .lenient) else { return nil }
        let isError =
            document["type"]?.isString("error") == true || EngineError.isStated(error: document["error"], object: nil)
        return NativeDocument(
            modelAt: document["model"].flatMap { $0.isString ? $0.bytes.startIndex..<$0.bytes.endIndex : nil },
            usage: document["usage"].flatMap { TokenUsage(ofMessage: $0) },
            error: isError ? EngineError(body) : nil)
    }
}
