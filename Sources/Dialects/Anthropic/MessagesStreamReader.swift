public import SimpleAICore

/// Reads an engine's own message stream, one event at a time: where the model id is, usage, errors, completeness.
public struct MessagesStreamReader: Sendable {
    /// Whether `message_stop` was received. A stream that ends before it is truncated.
    public private(set) var isComplete = false
    /// Number of events that carried a piece of the completion.
    public private(set) var pieces = 0
    /// Whether the engine sends chat completion chunks instead of events of this API; set with the step `failed`.
    public private(set) var isForeign = false
    private var counts = MessageTokenCounts()

    private static let keys: JSONScanner.Keys = ["type", "message", "usage", "delta", "error", "choices"]
    private static let types = [
        "content_block_start", "content_block_stop", "message_start", "message_delta", "message_stop", "ping",
    ]

    public init() {}

    /// Nil if the engine has stated no usage yet.
    public var usage: TokenUsage? { counts.usage }

    /// - Parameters:
    ///   - payload: the data of one event.
    ///   - isNamedError: whether the event has the name `error`; read only if its data does not show what it is.
    public mutating func receive(
        _ payload: ArraySlice<UInt8>, isNamedError: @autoclosure () -> Bool = false
    ) -> StreamStep {
        guard let event = JSONMembers(document: payload, keys: Self.keys, grammar: .lenient) else {
            // Other data that is not JSON is forwarded as it is.
            return isNamedError() ? .failed(EngineError(payload)) : .forward(modelAt: nil)
        }
        let type = event["type"]
        if type?.isString("content_block_delta") == true {
            if let delta = event["delta"], Self.isPiece(delta) { pieces += 1 }
            return .forward(modelAt: nil)
        }
        if type?.isString("error") == true || EngineError.isStated(error: event["error"], object: nil) {
            return .failed(EngineError(payload))
        }
        if !Self.types.contains(where: { type?.isString($0) ?? false }) {
            if isNamedError() { return .failed(EngineError(payload)) }
            isForeign = type?.isString != true && event["choices"]?.isArray == true
            if isForeign { return .failed(EngineError()) }
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
