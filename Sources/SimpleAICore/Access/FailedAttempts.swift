/// Failed authentication attempts per address. An address that has used up its free attempts gets 429 for a time. Valid
/// credentials are never counted or refused here, so no client can lock a caller out, not even from the same address.
///
/// Pure: time is an argument. Records a bounded number of addresses; the oldest entries are dropped first.
package struct FailedAttempts: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package static let capacity = 8192

    /// The time that one attempt costs; nil if attempts are unlimited.
    private let cost: Duration?
    /// Maximum debt before attempts are refused.
    private let credit: Duration
    /// When the debt of each address ends. Two generations: a full younger one becomes the older, and the previous older
    /// one is dropped.
    private var debts: [Peer: Instant] = [:]
    private var olderDebts: [Peer: Instant] = [:]

    /// - Parameter perMinute: free attempts per address, in a burst or over a minute; 0 for no limit.
    package init(perMinute: Int) {
        cost = perMinute > 0 ? .seconds(60) / perMinute : nil
        credit = .seconds(60)
    }

    package var count: Int { debts.count + olderDebts.count }

    /// Counts a failed attempt.
    /// - Returns: how long the address is refused; nil while it has free attempts.
    package mutating func failed(from peer: Peer, at now: Instant) -> Duration? {
        guard let cost else { return nil }
        let debt = max(debts[peer] ?? olderDebts[peer] ?? now, now)
        guard debt - now + cost <= credit else { return debt - now + cost - credit }
        if debts.count >= Self.capacity / 2, debts[peer] == nil {
            olderDebts = debts
            debts = [:]
        }
        debts[peer] = debt + cost
        return nil
    }
}
