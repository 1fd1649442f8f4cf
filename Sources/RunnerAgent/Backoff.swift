/// Delay before the next attempt: doubles after each failure up to a limit, with jitter, so that machines do not retry
/// at the same time.
struct Backoff: Hashable, Sendable {
    var first: Duration = .milliseconds(500)
    var limit: Duration = .seconds(30)

    /// - Parameters:
    ///   - failures: number of consecutive failures, at least 1.
    ///   - chance: random, from 0 to 1; it determines half of the delay.
    func delay(failures: Int, chance: Double) -> Duration {
        let doublings = min(max(failures, 1) - 1, 30)
        let full = min(first * (1 << doublings), limit)
        return full * (0.5 + 0.5 * min(max(chance, 0), 1))
    }
}
