/// The rule for everything that is shared and bounded: a holder may take more as long as it then holds no more than what
/// is left for everybody else.
///
/// One holder alone gets half, two get a third each, n get 1/(n+1) each, and something is always left for the next one
/// (dynamic thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
/// No holder has to be known in advance, and one look at two numbers decides. Pure.
public struct FairShare: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        case granted
        /// Nothing is left, whoever asks.
        case exhausted
        /// There is more, but it is for others.
        case beyondShare
    }

    public var capacity: Int
    /// What each holder may have while it lasts, however many there are: the size of one honest request.
    public var minShare: Int
    /// How many times what is left a holder may have: 1 gives one that is alone half of all, 3 three quarters. More than 1
    /// is for holders that stand for many, such as an address: one greedy caller of it must not use up what the others get.
    public var weight: Int

    public init(capacity: Int, minShare: Int, weight: Int = 1) {
        self.capacity = capacity
        self.minShare = minShare
        self.weight = weight
    }

    /// Whether a holder that adds to a full cache replaces an entry of its own. What can be dropped at any time may be filled
    /// by whoever is there; but nobody with an equal part pushes out what others use.
    /// - Parameter holderCount: all that hold something.
    public static func replacesOwn(held: Int, capacity: Int, holderCount: Int) -> Bool {
        guard held > 0, holderCount > 1 else { return false }
        return held >= capacity / holderCount
    }

    /// - Parameters:
    ///   - held: by whoever asks for `amount`, without it.
    ///   - inUse: by everybody, without it.
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
