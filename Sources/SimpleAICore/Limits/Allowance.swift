/// A token bucket: a number of units per period that may be spent in one burst and is refilled evenly.
struct Allowance: Hashable, Sendable {
    let units: Int
    /// In milliseconds.
    let period: Int

    static func perMinute(_ units: Int) -> Allowance { .init(units: units, period: 60_000) }
    static func perDay(_ units: Int) -> Allowance { .init(units: units, period: 86_400_000) }

    /// Maximum number of units whose accounting cannot overflow: 2 × units × period, see `AllowanceUsage`.
    static let maxUnits = 10_000_000_000
}

/// The spent part of an allowance that is not refilled yet. Separate from the allowance, because it outlives a change
/// of the settings.
///
/// Integer arithmetic keeps waiting times exact: one unit counts as `period`, and each millisecond refills `units`.
struct AllowanceUsage: Hashable, Sendable {
    private var owed = 0
    /// In milliseconds.
    private var time = 0

    /// Refills the amount due by `now`; call before any query.
    mutating func advance(to now: Int, under allowance: Allowance) {
        guard now > time else { return }
        let (refilled, isOverflow) = (now - time).multipliedReportingOverflow(by: allowance.units)
        owed = isOverflow ? 0 : max(0, owed - refilled)
        time = now
    }

    /// Spends units even beyond the allowance, because a call's tokens are known only after its end. The excess is at
    /// most one period's allowance, so that an engine that miscounts cannot block its callers for longer.
    mutating func spend(_ units: Int, of allowance: Allowance) {
        let maxSpent = 2 * allowance.units * allowance.period
        let (price, isOverflow) = max(0, units).multipliedReportingOverflow(by: allowance.period)
        owed = isOverflow || price >= maxSpent - owed ? maxSpent : owed + price
    }

    func left(of allowance: Allowance) -> Int {
        max(0, allowance.units - Self.quotient(owed, allowance.period))
    }

    /// Milliseconds until one unit can be spent; 0 if one can be spent now.
    func timeUntilOne(of allowance: Allowance) -> Int {
        Self.quotient(max(0, owed + allowance.period - allowance.units * allowance.period), allowance.units)
    }

    /// Milliseconds until all units can be spent.
    func timeUntilAll(of allowance: Allowance) -> Int { Self.quotient(owed, allowance.units) }

    /// Rounded up.
    private static func quotient(_ dividend: Int, _ divisor: Int) -> Int { (dividend + divisor - 1) / divisor }
}
