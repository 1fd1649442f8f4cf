/// How fast a request body has to arrive: the more of it is held, the faster. Pure; times are nanoseconds of any clock that
/// never goes back.
///
/// A body begins with a grace period, which stalls may use up. What arrives buys time back, each byte as much as the
/// minimum rate allows for it, and never more than one grace period in advance. The minimum rate is the larger of 256
/// bytes a second (between Kestrel's 240 and Apache's 500) and what is held divided by 30 minutes. So a body of any size
/// that arrives evenly within half an hour is in time, whatever network it comes over, while a large one that stops
/// arriving is given up after one grace period, and one that trickles soon after.
///
/// Nothing is computed while bytes arrive: the count is looked at when the deadline has passed.
public struct BodyPace: Hashable, Sendable {
    /// Bytes a second.
    public static let minRate = 256.0
    /// In seconds: how long a body may take that arrives evenly.
    public static let maxDuration = 1800.0

    private let gracePeriod: Int64
    /// When to look again; the body is too slow if nothing has arrived by then.
    public private(set) var deadline: Int64
    private var seen = 0

    /// The body begins now.
    public init(gracePeriod: Int64, now: Int64) {
        self.gracePeriod = gracePeriod
        deadline = Self.sum(now, gracePeriod)
    }

    /// The deadline has passed.
    /// - Parameter received: bytes of the body so far.
    /// - Returns: whether the body is too slow; otherwise there is a new deadline.
    public mutating func isTooSlow(received: Int, now: Int64) -> Bool {
        let rate = max(Self.minRate, Double(received) / Self.maxDuration)
        let bought = min(Double(max(0, received - seen)) / rate * 1e9, Double(gracePeriod))
        seen = received
        deadline = min(Self.sum(deadline, Int64(bought)), Self.sum(now, gracePeriod))
        return deadline <= now
    }

    /// The gateway did not read until now: the client could not send.
    public mutating func readingWasHeld(received: Int, now: Int64) {
        seen = received
        deadline = Self.sum(now, gracePeriod)
    }

    private static func sum(_ time: Int64, _ more: Int64) -> Int64 {
        let (sum, isOverflow) = time.addingReportingOverflow(more)
        return isOverflow ? .max : sum
    }
}
