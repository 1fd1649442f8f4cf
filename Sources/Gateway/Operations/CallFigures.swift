import SimpleAICore

/// What is measured of one call, for metrics and the access line. Times are in seconds.
struct CallFigures: Hashable, Sendable {
    /// From the call's head to its end.
    var total = 0.0
    /// From the call's head to the first byte of an engine's answer; nil when none came.
    var toFirstByte: Double?
    /// From the call's head to the first event of a stream that carried a piece of the answer.
    var toFirstToken: Double?
    /// How fast the answer was made: of a stream from its first token to its last; of a document, which does not show
    /// when its first token was there, from the request to the answer.
    var tokensPerSecond: Double?
    /// As the engine counted; nil when it did not say.
    var usage: TokenUsage?
    /// Events of a stream.
    var events = 0
    /// Of a stream that ended before it was complete: nil for all others.
    var broken: BrokenStream?

    /// What was made in vain.
    struct BrokenStream: Hashable, Sendable {
        /// Tokens that the engine had sent: by its own count, where it keeps one, else the events that carried one.
        var generated: Int
        /// Those of them that the caller's side of the network has taken.
        var delivered: Int
    }
}
