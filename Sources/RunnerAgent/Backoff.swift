/// How long to wait before the next attempt: twice as long after each failure, up to a limit, and never two machines at
/// the same time.
struct Backoff: Hashable, Sendable {
    var first: Duration = .milliseconds(500)
    var limit: Duration = .seconds(30)

    /// - Parameters:
    ///   - failures: in a row, 1 at least.
    ///   - chance: from 0 to 1; half of the time is left to it.
    func delay(failures: Int, chance: Double) -> Duration {
        let doublings = min(max(failures, 1) - 1, 30)
        let full = min(first * (1 << doublings), limit)
        return full * (0.5 + 0.5 * min(max(chance, 0), 1))
    }
}
