/// The minimum speed of a request body: the more bytes the gateway holds, the faster the rest has to arrive. Pure;
/// times are nanoseconds of any monotonic clock.
///
/// A body begins with a grace period, which stalls may use up. Bytes that arrive extend the deadline by the time that
/// the minimum rate allows for them, but never to more than one grace period from now. The minimum rate is the larger
/// of 256 bytes a second (between Kestrel's 240 and Apache's 500) and the held bytes divided by 30 minutes. So a body
/// of any size that arrives evenly within half an hour is in time over any network, while a large one that stops
/// arriving is refused after one grace period, and one that trickles soon after.
///
/// Nothing is computed while bytes arrive: the count is checked when the deadline has passed.
public struct BodyPace: Hashable, Sendable {
    /// Bytes per second.
    public static let minRate = 256.0
    /// In seconds: maximum duration of a body that arrives evenly.
    public static let maxDuration = 1800.0

    private let gracePeriod: Int64
    /// When to check next; the body is too slow if no byte has arrived by then.
    public private(set) var deadline: Int64
    private var receivedBefore = 0

    /// Starts the measurement of a body now.
    public init(gracePeriod: Int64, now: Int64) {
        self.gracePeriod = gracePeriod
        deadline = Self.sum(now, gracePeriod)
    }

    /// Checks the body after the deadline has passed.
    /// - Parameter received: bytes of the body so far.
    /// - Returns: whether the body is too slow; if not, `deadline` is later than `now`.
    public mutating func isTooSlow(received: Int, now: Int64) -> Bool {
        let rate = max(Self.minRate, Double(received) / Self.maxDuration)
        let allowedTime = min(Double(max(0, received - receivedBefore)) / rate * 1e9, Double(gracePeriod))
        receivedBefore = received
        deadline = min(Self.sum(deadline, Int64(allowedTime)), Self.sum(now, gracePeriod))
        return deadline <= now
    }

    /// Restarts the measurement after a pause of the gateway's reads, in which the client could not send.
    public mutating func readingWasPaused(received: Int, now: Int64) {
        receivedBefore = received
        deadline = Self.sum(now, gracePeriod)
    }

    private static func sum(_ time: Int64, _ more: Int64) -> Int64 {
        let (sum, isOverflow) = time.addingReportingOverflow(more)
        return isOverflow ? .max : sum
    }
}
