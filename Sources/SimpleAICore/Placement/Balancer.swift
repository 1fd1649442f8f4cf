/// A runner that could take a call now, reduced to what the choice depends on.
public struct Candidate: Hashable, Sendable {
    /// The owner's index of the runner.
    public let index: Int
    /// Calls it is serving.
    public let outstanding: Int
    /// Slots × weight: what its load is measured against.
    public let capacity: Int
    /// 0 for the machine type that the class likes best, and so on.
    public let tier: Int
    /// When it was last picked, as a running number; 0 for never.
    public let lastPicked: UInt64

    public init(index: Int, outstanding: Int, capacity: Int, tier: Int, lastPicked: UInt64) {
        self.index = index
        self.outstanding = outstanding
        self.capacity = capacity
        self.tier = tier
        self.lastPicked = lastPicked
    }
}

/// Why that runner: the better tier first, then the least outstanding calls per unit of capacity, then the one that was
/// picked longest ago.
///
/// So an idle fleet is served in turn, a busy one by load, and unequal machines by their capacity. The next tier serves
/// only when the better one has no free slot, because only runners with a free slot are candidates at all.
public enum Balancer {
    public static func prefers(_ left: Candidate, to right: Candidate) -> Bool {
        if left.tier != right.tier { return left.tier < right.tier }
        // a/b < c/d without dividing.
        let leftLoad = left.outstanding * right.capacity
        let rightLoad = right.outstanding * left.capacity
        if leftLoad != rightLoad { return leftLoad < rightLoad }
        return left.lastPicked < right.lastPicked
    }

    /// The tier of a machine type among the preferred ones; everything that is not preferred shares the last.
    public static func tier(of machineType: String, among preferred: [String]) -> Int {
        preferred.firstIndex(of: machineType) ?? preferred.count
    }
}
