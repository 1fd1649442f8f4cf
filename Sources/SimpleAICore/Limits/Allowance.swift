/// So many units in so much time, which may be spent all at once and come back evenly.
struct Allowance: Hashable, Sendable {
    let units: Int
    /// In milliseconds.
    let period: Int

    static func perMinute(_ units: Int) -> Allowance { .init(units: units, period: 60_000) }
    static func perDay(_ units: Int) -> Allowance { .init(units: units, period: 86_400_000) }

    /// Units of which this many can be counted without an integer that overflows: 2 × units × period, see `Spending`.
    static let mostUnits = 10_000_000_000
}

/// What somebody has spent of an allowance and not yet got back. Kept apart from the allowance, which settings may
/// change: what was spent stays spent.
///
/// In whole numbers throughout, so that times to wait are exact: one unit is worth a period's milliseconds, of which
/// each millisecond brings back as many as the allowance has units.
struct Spending: Hashable, Sendable {
    private var owed = 0
    /// In milliseconds.
    private var time = 0

    /// Lets come back what has come back by `now`; to be called before anything is asked.
    mutating func advance(to now: Int, under allowance: Allowance) {
        guard now > time else { return }
        let (back, isMore) = (now - time).multipliedReportingOverflow(by: allowance.units)
        owed = isMore ? 0 : max(0, owed - back)
        time = now
    }

    /// One call may bring somebody below zero, whose tokens are known when it is over; an engine that miscounts costs its
    /// callers no more than one period.
    mutating func spend(_ units: Int, of allowance: Allowance) {
        let most = 2 * allowance.units * allowance.period
        let (price, isMore) = max(0, units).multipliedReportingOverflow(by: allowance.period)
        owed = isMore || price >= most - owed ? most : owed + price
    }

    func left(of allowance: Allowance) -> Int {
        max(0, allowance.units - Self.quotient(owed, allowance.period))
    }

    /// Milliseconds until one unit can be spent; 0: it can be.
    func timeUntilOne(of allowance: Allowance) -> Int {
        Self.quotient(max(0, owed + allowance.period - allowance.units * allowance.period), allowance.units)
    }

    /// Milliseconds until all units can be spent.
    func timeUntilAll(of allowance: Allowance) -> Int { Self.quotient(owed, allowance.units) }

    /// Rounded up.
    private static func quotient(_ dividend: Int, _ divisor: Int) -> Int { (dividend + divisor - 1) / divisor }
}
