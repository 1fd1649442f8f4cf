import SimpleAICore

/// Fair queueing at one runner: a virtual clock that advances by the cost of granted slots.
///
/// A slot is granted for one call, however long it runs, and costs `Priority.fairQueueCost`: 16 for most callers, half of
/// that for each level of priority, so that each level doubles the share. A caller's virtual finish time is one cost
/// after it began to wait. The caller with the earliest virtual finish time is next, the clock advances to that time,
/// and the caller begins to wait anew. With equal priorities this is round robin.
///
/// Each runner has a clock, because callers compete for slots, and the competitors differ from runner to runner. A slot
/// that a waiting caller was granted on another runner, by a call that could have run on this one, counts here as well:
/// a class with ten machines is one share, not ten. This debt is bounded: no virtual finish time is later than one
/// round from now, and a caller that keeps getting slots elsewhere is delayed by at most three rounds.
struct FairQueueClock: Sendable {
    /// A caller with a call that this runner could serve now.
    struct Contender: Sendable {
        let caller: CallerID
        /// The cost of its call.
        let cost: Int
        /// The arrival number at which the caller began to wait for this runner.
        let since: UInt64
    }

    private struct Account: Sendable {
        /// The virtual time at which the caller began to wait.
        var start: Int
        /// The latest virtual finish time, whatever the caller was granted elsewhere; clock advances for such grants
        /// are not counted.
        var latest: Int
        /// The number of the grant at which it was last considered.
        var seen: UInt64
        /// The number of the last grant that counts here.
        var lastGrant: UInt64 = 0
    }

    /// Sort order: the earliest virtual finish time first. Among equals, the caller of the last grant is last, so a
    /// single worker that sends its next call at once gets every other slot. Otherwise the caller that has waited
    /// longest since its last grant or its arrival is first.
    private struct Place: Comparable {
        let virtualFinishTime: Int
        let hadLastGrant: Bool
        let since: UInt64

        static func < (left: Place, right: Place) -> Bool {
            if left.virtualFinishTime != right.virtualFinishTime {
                return left.virtualFinishTime < right.virtualFinishTime
            }
            if left.hadLastGrant != right.hadLastGrant { return right.hadLastGrant }
            return left.since < right.since
        }
    }

    /// The cost in which each caller of normal priority is granted one slot.
    static let round = Priority.normal.fairQueueCost
    /// Maximum delay of a caller for slots that it was granted elsewhere. It exceeds by a round the largest distance
    /// between two callers, so that it never decides between callers that request the same models.
    private static let maxDeferral = 3 * round
    /// Number of accounts of absent callers that are kept, so that their debts apply when they return.
    private static let maxIdleAccounts = 64

    private var now = 0
    /// The part of the advances that was made because all contenders had been granted slots elsewhere.
    private var clockAdvance = 0
    /// The number of the last grant here.
    private var lastGrant: UInt64 = 0
    private var accounts: [CallerID: Account] = [:]

    /// The latest virtual finish time of a caller that begins to wait now.
    private var latest: Int { now - clockAdvance + Self.maxDeferral }

    /// Grants the slot to the next caller.
    /// - Parameters:
    ///   - contenders: each caller once.
    ///   - number: of this grant.
    ///   - grants: the total cost of a caller's grants since a number that count here, and the number of the last of
    ///     them.
    /// - Returns: the index of the contender; nil if there are none.
    mutating func grantSlot(
        _ contenders: [Contender], number: UInt64, grants: (CallerID, UInt64) -> (cost: Int, last: UInt64)?
    ) -> Int? {
        var current = contenders.map { contender in
            var account = accounts[contender.caller] ?? Account(start: now, latest: latest, seen: 0)
            // A caller that arrives or returns is not ahead of the callers that have waited.
            if contender.since > account.seen {
                account.start = max(account.start, now)
                account.latest = latest
            }
            if let grants = grants(contender.caller, account.seen) {
                account.start += grants.cost
                account.lastGrant = grants.last
            }
            account.seen = number
            return account
        }
        if let first = current.lazy.map(\.start).min(), first > now {
            clockAdvance += first - now
            now = first
        }
        var best: (index: Int, place: Place)?
        for (index, contender) in contenders.enumerated() {
            let virtualFinishTime = min(
                current[index].start + contender.cost, now + Self.round, current[index].latest + clockAdvance)
            current[index].start = virtualFinishTime - contender.cost
            let since = max(current[index].lastGrant, contender.since)
            let place = Place(virtualFinishTime: virtualFinishTime, hadLastGrant: since == lastGrant, since: since)
            if best.map({ place < $0.place }) ?? true { best = (index, place) }
        }
        guard let best else { return nil }
        now = max(now, best.place.virtualFinishTime)
        lastGrant = number
        current[best.index] = Account(start: now, latest: latest, seen: number, lastGrant: number)
        for (contender, account) in zip(contenders, current) { accounts[contender.caller] = account }
        if accounts.count > max(Self.maxIdleAccounts, 4 * contenders.count) {
            accounts = accounts.filter { $0.value.seen == number }
        }
        return best.index
    }
}

extension Priority {
    /// The cost of one call, as a multiple of the cost at the highest priority.
    var fairQueueCost: Int { 1 << (Self.levels.upperBound - level) }
}
