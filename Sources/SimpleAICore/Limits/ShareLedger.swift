/// Who holds how much of something shared. Only holders that hold something are remembered, so there are no more of them
/// than units in use. Pure; `FairShare` decides.
public struct ShareLedger<Holder: Hashable & Sendable>: Sendable {
    public private(set) var inUse = 0
    private var amounts: [Holder: Int] = [:]

    public init() {}

    /// Holders that hold something.
    public var holderCount: Int { amounts.count }

    public func held(by holder: Holder) -> Int { amounts[holder] ?? 0 }

    /// Takes `amount` if the rule grants it.
    /// - Parameter holder: nil for one that no share is kept of: it is bounded by the capacity alone.
    public mutating func take(_ amount: Int = 1, for holder: Holder?, under rule: FairShare) -> FairShare.Verdict {
        let verdict = verdict(on: amount, for: holder, under: rule)
        if verdict == .granted { add(amount, for: holder) }
        return verdict
    }

    /// What `take` would answer.
    public func verdict(on amount: Int = 1, for holder: Holder?, under rule: FairShare) -> FairShare.Verdict {
        let held = holder.map(held(by:)) ?? 0
        let verdict = rule.verdict(on: amount, held: held, inUse: inUse)
        return holder == nil && verdict == .beyondShare ? .granted : verdict
    }

    /// Takes `amount` without asking.
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
