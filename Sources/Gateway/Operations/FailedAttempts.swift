import SimpleAICore

/// How many credentials that were not good have come from where, lately. Whoever has used up what is free learns no more
/// than that, until some time has passed. Good credentials are never asked about here: nobody can lock a caller out,
/// not even from the same address.
///
/// Pure: the time is told. Holds a bounded number of addresses; what is forgotten first is forgiven first.
struct FailedAttempts: Sendable {
    typealias Instant = ContinuousClock.Instant

    static let capacity = 8192

    /// The time that one attempt costs; nil where attempts are free.
    private let cost: Duration?
    /// What may be owed before answers stop.
    private let credit: Duration
    /// When each address will have paid for its attempts. Two generations: when the younger is full, it becomes the
    /// older, and what was the older is gone.
    private var debts: [Peer: Instant] = [:]
    private var olderDebts: [Peer: Instant] = [:]

    /// - Parameter perMinute: attempts that an address has free, at once or over a minute; 0 for any number.
    init(perMinute: Int) {
        cost = perMinute > 0 ? .seconds(60) / perMinute : nil
        credit = .seconds(60)
    }

    var count: Int { debts.count + olderDebts.count }

    /// Counts an attempt that failed.
    /// - Returns: how long the address gets no other answer; nil while it has some free.
    mutating func failed(from peer: Peer, at now: Instant) -> Duration? {
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
