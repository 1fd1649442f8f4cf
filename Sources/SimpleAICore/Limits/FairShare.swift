/// The rule for all shared, bounded resources: a holder may take more as long as it then holds no more than remains
/// free.
///
/// One holder gets half, two get a third each, n get 1/(n+1) each: a part always remains for the next one (dynamic
/// thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998). The
/// rule needs only two numbers: what the holder has, and what is in use. Pure.
public struct FairShare: Hashable, Sendable {
    public enum Decision: Hashable, Sendable {
        case granted
        /// Nothing is free.
        case exhausted
        /// The rest is reserved for other holders.
        case beyondShare
    }

    public var capacity: Int
    /// The amount that each holder may have while that much is free, however many holders there are: the size of one
    /// legitimate request.
    public var minShare: Int
    /// The factor by which a holder may exceed the free amount: with 1 a single holder gets half of the capacity, with
    /// 3 three quarters. More than 1 is for holders that represent many callers, such as an address: one greedy caller
    /// behind it must not use up the share of the others.
    public var weight: Int

    public init(capacity: Int, minShare: Int, weight: Int = 1) {
        self.capacity = capacity
        self.minShare = minShare
        self.weight = weight
    }

    /// Whether a holder that adds to a full cache replaces one of its own entries: it does once it has an equal part.
    /// A single holder may fill the cache, because cached entries can be dropped.
    /// - Parameter holderCount: number of holders with entries.
    public static func replacesOwnEntry(held: Int, capacity: Int, holderCount: Int) -> Bool {
        guard held > 0, holderCount > 1 else { return false }
        return held >= capacity / holderCount
    }

    /// - Parameters:
    ///   - held: the amount that the requesting holder already has.
    ///   - inUse: the amount that all holders already have.
    public func decision(on amount: Int, held: Int, inUse: Int) -> Decision {
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
