import NIOCore

/// Limits log lines that clients can cause at will: one line per interval, with the number of suppressed ones. Pure.
struct RateLimitedLog {
    private let interval: TimeAmount
    private var nextAt: NIODeadline?
    private var suppressed = 0

    init(interval: TimeAmount) {
        self.interval = interval
    }

    /// - Returns: nil if nothing is to be logged now; otherwise the number of lines suppressed since the last one.
    mutating func suppressedCountIfDue(at now: NIODeadline) -> Int? {
        if let nextAt, now < nextAt {
            suppressed += 1
            return nil
        }
        defer { suppressed = 0 }
        nextAt = now + interval
        return suppressed
    }
}
