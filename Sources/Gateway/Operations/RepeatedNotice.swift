import NIOCore

/// Keeps what anybody can cause as often as they like from filling the log: one line in an interval, which says how many
/// were left out. Pure.
struct RepeatedNotice {
    private let interval: TimeAmount
    private var nextAt: NIODeadline?
    private var suppressed = 0

    init(interval: TimeAmount) {
        self.interval = interval
    }

    /// - Returns: nil if nothing is to be logged now; otherwise how many lines were left out since the last one.
    mutating func isDue(at now: NIODeadline) -> Int? {
        if let nextAt, now < nextAt {
            suppressed += 1
            return nil
        }
        defer { suppressed = 0 }
        nextAt = now + interval
        return suppressed
    }
}
