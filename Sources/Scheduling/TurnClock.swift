import SimpleAICore

/// Whose turn it is at one runner, on a clock that counts what turns cost.
///
/// A turn is one call, however long it runs, and it costs `Priority.costOfTurn`: 16 for most callers, half of that for
/// each level of priority, so that a level is worth twice the turns. A caller is due one cost after it began to wait for
/// its turn. The earliest due is next, the clock moves on to it, and the caller begins to wait anew. With equal
/// priorities that is round robin.
///
/// Each runner has a clock, because callers compete for slots, and who competes differs from runner to runner. What a
/// caller who waited was given elsewhere, by a call that could have come here, counts here as well: a class that is served
/// by ten machines is one share, not ten. It does not add up without end: nobody is due later than one round from now, and
/// nobody who goes on being given something elsewhere is put off for more than three.
struct TurnClock: Sendable {
    /// A caller with a call that this runner could serve now.
    struct Contender: Sendable {
        let caller: CallerID
        /// What its call costs.
        let cost: Int
        /// The number of the arrival with which its waiting for this runner began.
        let since: UInt64
    }

    private struct Account: Sendable {
        /// When, on this clock, it began to wait for its turn.
        var start: Int
        /// When it is due whatever it has been given elsewhere, leaps of the clock not counted.
        var latest: Int
        /// The number of the turn for which it was last looked at.
        var seen: UInt64
        /// The number of the last turn that counts here.
        var lastTurn: UInt64 = 0
    }

    /// The earliest due is first. Due at the same time, whoever had the last turn is last: a single worker that asks again
    /// at once gets every other slot. Otherwise whoever has waited longest, since its last turn or its arrival.
    private struct Place: Comparable {
        let due: Int
        let hadLastTurn: Bool
        let since: UInt64

        static func < (left: Place, right: Place) -> Bool {
            if left.due != right.due { return left.due < right.due }
            if left.hadLastTurn != right.hadLastTurn { return right.hadLastTurn }
            return left.since < right.since
        }
    }

    /// In which everybody gets a turn.
    static let round = Priority.normal.costOfTurn
    /// How far others' fair share may put off a caller that is given its own elsewhere. A round more than two callers can
    /// be apart, so that it never decides between those who ask for the same.
    private static let patience = 3 * round
    /// So many accounts of callers who do not contend are kept, for their debts when they come back.
    private static let fewAccounts = 64

    private var now = 0
    /// How far of that it has moved because everybody had been given something elsewhere.
    private var leaps = 0
    /// The number of the last turn that was taken here.
    private var lastTurn: UInt64 = 0
    private var accounts: [CallerID: Account] = [:]

    /// For whoever begins to wait now.
    private var latest: Int { now - leaps + Self.patience }

    /// Gives the slot to whoever's turn it is.
    /// - Parameters:
    ///   - contenders: each caller once.
    ///   - number: of this turn.
    ///   - turns: what a caller's turns since some number have cost that count here, and the number of the last of them.
    /// - Returns: which of the contenders; nil if there are none.
    mutating func takeTurn(
        _ contenders: [Contender], number: UInt64, turns: (CallerID, UInt64) -> (cost: Int, last: UInt64)?
    ) -> Int? {
        var current = contenders.map { contender in
            var account = accounts[contender.caller] ?? Account(start: now, latest: latest, seen: 0)
            // Who comes, or comes back, is not ahead of those who have waited.
            if contender.since > account.seen {
                account.start = max(account.start, now)
                account.latest = latest
            }
            if let turns = turns(contender.caller, account.seen) {
                account.start += turns.cost
                account.lastTurn = turns.last
            }
            account.seen = number
            return account
        }
        if let first = current.lazy.map(\.start).min(), first > now {
            leaps += first - now
            now = first
        }
        var best: (index: Int, place: Place)?
        for (index, contender) in contenders.enumerated() {
            let due = min(current[index].start + contender.cost, now + Self.round, current[index].latest + leaps)
            current[index].start = due - contender.cost
            let since = max(current[index].lastTurn, contender.since)
            let place = Place(due: due, hadLastTurn: since == lastTurn, since: since)
            if best.map({ place < $0.place }) ?? true { best = (index, place) }
        }
        guard let best else { return nil }
        now = max(now, best.place.due)
        lastTurn = number
        current[best.index] = Account(start: now, latest: latest, seen: number, lastTurn: number)
        for (contender, account) in zip(contenders, current) { accounts[contender.caller] = account }
        if accounts.count > max(Self.fewAccounts, 4 * contenders.count) {
            accounts = accounts.filter { $0.value.seen == number }
        }
        return best.index
    }
}

extension Priority {
    /// What one call costs its caller, in parts of the lowest priority's turn.
    var costOfTurn: Int { 1 << (Self.levels.upperBound - level) }
}
