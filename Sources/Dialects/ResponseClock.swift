/// How long the parts of a call took, as far as the gateway knows; nil for unknown ones.
public struct ResponseDurations: Hashable, Sendable {
    /// From the request to the end of the response.
    public var total: Duration
    /// Waiting for a machine, an engine and a place in its queue.
    public var load: Duration?
    /// From the request that the engine received to its first piece.
    public var promptEvaluation: Duration?
    /// From the first piece to the last.
    public var evaluation: Duration?

    public init(
        total: Duration, load: Duration? = nil, promptEvaluation: Duration? = nil, evaluation: Duration? = nil
    ) {
        self.total = total
        self.load = load
        self.promptEvaluation = promptEvaluation
        self.evaluation = evaluation
    }

    /// Whole nanoseconds, from 0 to the largest `Int`.
    static func nanoseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowOfSum) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
        return overflow || overflowOfSum ? .max : sum
    }
}

/// The clock of a response's owner, for dialects whose responses state times.
public struct ResponseClock: Sendable {
    /// The current time (RFC 3339), for `created_at`.
    public let timestamp: @Sendable () -> String
    /// The durations of the call that ends now.
    public let durations: @Sendable () -> ResponseDurations

    public init(timestamp: @escaping @Sendable () -> String, durations: @escaping @Sendable () -> ResponseDurations) {
        self.timestamp = timestamp
        self.durations = durations
    }
}
