/// The rule for all shared and bounded resources: a holder may take more as long as it then holds no more than what is
/// left for all others.
///
/// One holder alone gets half, two get a third each, n get 1/(n+1) each, and a part is always left for the next one
/// (dynamic thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches",
/// 1998). No holder has to be known in advance, and two numbers decide. Pure.
public struct FairShare: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        case granted
        /// Nothing is left for any holder.
        case exhausted
        /// There is room, but it is for other holders.
        case beyondShare
    }

    public var capacity: Int
    /// The amount that each holder may have while there is room, whatever the number of holders: the size of one
    /// legitimate request.
    public var minShare: Int
    /// The factor by which a holder may exceed what is left: 1 gives a single holder half of all, 3 three quarters.
    /// More than 1 is for holders that stand for many, such as an address: one greedy caller behind it must not use up
    /// what the others get.
    public var weight: Int

    public init(capacity: Int, minShare: Int, weight: Int = 1) {
        self.capacity = capacity
        self.minShare = minShare
        self.weight = weight
    }

    /// Whether a holder that adds to a full cache replaces an entry of its own. Droppable entries may fill the cache,
    /// but a holder with an equal part does not evict entries that others use.
    /// - Parameter holderCount: number of holders with entries.
    public static func replacesOwn(held: Int, capacity: Int, holderCount: Int) -> Bool {
        guard held > 0, holderCount > 1 else { return false }
        return held >= capacity / holderCount
    }

    /// - Parameters:
    ///   - held: by the holder that requests `amount`, without it.
    ///   - inUse: by all holders, without it.
    public func verdict(on amount: Int, held: Int, inUse: Int) -> Verdict {
        let (left, isOverflow) = capacity.subtractingReportingOverflow(inUse.addingSaturated(amount))
        guard !isOverflow, left >= 0 else { return .exhausted }
        return held.addingSaturated(amount) <= max(minShare, left.multipliedSaturated(by: weight))
            ? .granted : .beyondShare
    }
}

extension Int {
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, isOverflow) = addingReportingOverflow(other)
        return isOverflow ? .max : sum
    }

    fileprivate func multipliedSaturated(by other: Int) -> Int {
        let (product, isOverflow) = multipliedReportingOverflow(by: other)
        return isOverflow ? .max : product
    }
}
