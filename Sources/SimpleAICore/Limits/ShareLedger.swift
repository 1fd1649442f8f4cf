/// Amounts of a shared resource by holder. Only holders with a non-zero amount are stored, so there are at most as many
/// as units in use. Pure; `FairShare` decides.
public struct ShareLedger<Holder: Hashable & Sendable>: Sendable {
    public private(set) var inUse = 0
    private var amounts: [Holder: Int] = [:]

    public init() {}

    /// Number of holders with a non-zero amount.
    public var holderCount: Int { amounts.count }

    public func held(by holder: Holder) -> Int { amounts[holder] ?? 0 }

    /// Takes `amount` if the rule grants it.
    /// - Parameter holder: nil for an amount outside all shares, which only the capacity limits.
    public mutating func take(_ amount: Int = 1, for holder: Holder?, under rule: FairShare) -> FairShare.Decision {
        let decision = decision(on: amount, for: holder, under: rule)
        if decision == .granted { add(amount, for: holder) }
        return decision
    }

    /// The verdict that `take` would return.
    public func decision(on amount: Int = 1, for holder: Holder?, under rule: FairShare) -> FairShare.Decision {
        let held = holder.map(held(by:)) ?? 0
        let decision = rule.decision(on: amount, held: held, inUse: inUse)
        return holder == nil && decision == .beyondShare ? .granted : decision
    }

    /// Takes `amount` without applying the rule.
    public mutating func add(_ amount: Int = 1, for holder: Holder?) {
        inUse += amount
        if let holder, amount != 0 { amounts[holder, default: 0] += amount }
    }

    public mutating func giveBack(_ amount: Int = 1, of holder: Holder?) {
        inUse -= amount
        guard let holder, let held = amounts[holder] else { return }
        amounts[holder] = held > amount ? held - amount : nil
    }
}
