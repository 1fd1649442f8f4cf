import SimpleAICore

/// Fair queueing at one runner: a virtual clock that advances by the cost of granted slots.
///
/// A slot is granted for one call, however long it runs, and costs `Priority.fairQueueCost`. Each level of priority
/// halves the cost and so doubles the share. A caller's virtual finish time is the time at which it began to wait plus
/// this cost. The caller with the earliest virtual finish time is next, the clock advances to that time, and the caller
/// begins to wait anew. With equal priorities this is round robin.
///
/// Each runner has its own clock, because different callers compete for its slots. A slot that a waiting caller was
/// granted on another runner counts here as well if the call could have run on this one: a class with ten machines is
/// one share, not ten. This debt is bounded: no virtual finish time is later than one round from now, and a caller that
/// keeps getting slots elsewhere is delayed by at most three rounds.
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
        /// Upper bound of the virtual finish time, however many slots the caller was granted elsewhere; does not
        /// include `clockAdvance`.
        var latest: Int
        /// The number of the latest grant for which the caller competed.
        var seen: UInt64
        /// The number of the caller's latest grant that counts here.
        var lastGrant: UInt64 = 0
    }

    /// Sort order: the earliest virtual finish time first. Among equals, the caller of the last grant is last, so that
    /// a single worker that sends its next call immediately gets every other slot; of the others, the caller that has
    /// waited longest since its last grant or its arrival is first.
    private struct SortKey: Comparable {
        let virtualFinishTime: Int
        let hadLastGrant: Bool
        let since: UInt64

        static func < (left: SortKey, right: SortKey) -> Bool {
            if left.virtualFinishTime != right.virtualFinishTime {
                return left.virtualFinishTime < right.virtualFinishTime
            }
            if left.hadLastGrant != right.hadLastGrant { return right.hadLastGrant }
            return left.since < right.since
        }
    }

    /// The virtual time of one round, in which each caller of normal priority is granted one slot.
    static let round = Priority.normal.fairQueueCost
    /// Maximum delay of a caller for slots that it was granted elsewhere. It is one round more than the largest
    /// difference between two callers, so that it never decides between callers that request the same models.
    private static let maxDeferral = 3 * round
    /// Number of accounts above which those of callers without a waiting call are dropped. Until then, their debt
    /// applies when they return.
    private static let maxIdleAccounts = 64

    private var now = 0
    /// The time by which the clock was advanced because all contenders had been granted slots elsewhere.
    private var clockAdvance = 0
    /// The number of the last grant here.
    private var lastGrant: UInt64 = 0
    private var accounts: [CallerID: Account] = [:]

    /// The upper bound for a caller that begins to wait now.
    private var latest: Int { now - clockAdvance + Self.maxDeferral }

    /// Grants the slot to the next caller.
    /// - Parameters:
    ///   - contenders: each caller once.
    ///   - number: of this grant.
    ///   - grants: the total cost of a caller's grants after a number that count here, and the number of the last.
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
        var best: (index: Int, key: SortKey)?
        for (index, contender) in contenders.enumerated() {
            let virtualFinishTime = min(
                current[index].start + contender.cost, now + Self.round, current[index].latest + clockAdvance)
            current[index].start = virtualFinishTime - contender.cost
            let since = max(current[index].lastGrant, contender.since)
            let key = SortKey(virtualFinishTime: virtualFinishTime, hadLastGrant: since == lastGrant, since: since)
            if best.map({ key < $0.key }) ?? true { best = (index, key) }
        }
        guard let best else { return nil }
        now = max(now, best.key.virtualFinishTime)
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
    /// The cost of one call: 1 at the highest priority, twice as much at each lower level.
    var fairQueueCost: Int { 1 << (Self.levels.upperBound - level) }
}
