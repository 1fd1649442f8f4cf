import SimpleAICore

/// Measurements of one call, for metrics and the access log. Times are in seconds.
struct CallMeasurements: Hashable, Sendable {
    /// From the call's head to its end.
    var total = 0.0
    /// From the call's head to the first byte of an engine's response; nil if there was none.
    var toFirstByte: Double?
    /// From the call's head to the first event of a stream that carried a piece of the completion.
    var toFirstToken: Double?
    /// Generation speed: for a stream from its first token to its last; for a document, which does not show when its
    /// first token was generated, from the request to the response.
    var tokensPerSecond: Double?
    /// Token counts that the engine stated; nil if it stated none.
    var usage: TokenUsage?
    /// Number of events of the stream.
    var events = 0
    /// Duration of the audio that was transcribed, if the engine stated it.
    var audioSeconds: Double?
    /// Length of a response of a media type that the gateway does not read, such as speech, in bytes; nil for others.
    var mediaBytes: Int?
    /// Non-nil only for a stream that ended before it was complete.
    var broken: BrokenStream?

    /// Tokens of an incomplete stream.
    struct BrokenStream: Hashable, Sendable {
        /// Tokens that the engine had sent: its own count if it states one, otherwise the number of events with a piece
        /// of the completion.
        var generated: Int
        /// How many of them have left the gateway, as far as is known.
        var delivered: Int
    }
}
