public import SimpleAICore

/// Translates an engine's chat completion stream.
public protocol ChatStreamTranslation {
    /// - Parameter payload: the JSON of one chunk (`data:` of one event), checked to be JSON.
    /// - Returns: the bytes to send now; may be empty.
    mutating func receive(_ payload: ArraySlice<UInt8>) -> [UInt8]
    /// The engine's stream ended completely. Returns the bytes that end the client's stream.
    mutating func end() -> [UInt8]
    /// What makes the engine's stream untranslatable, such as "tool calls of more than 4 MiB"; nil while it can be
    /// translated. Once it is set, nothing more is translated: the owner cancels the engine's response and ends the
    /// client's stream as failed.
    var failure: String? { get }
}

/// The result of reading one event, or line, of an engine's own stream.
public enum StreamStep: Hashable, Sendable {
    /// The event is forwarded. The range in the payload is replaced by the public model id; nil: as it is.
    case forward(modelAt: Range<Int>?)
    /// The engine stated an error.
    case failed(EngineError)
}
