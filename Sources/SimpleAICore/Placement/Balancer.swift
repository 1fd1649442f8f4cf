/// The rank of a runner among those that could take a call: the runner with the lowest rank gets it.
///
/// Runners are ordered by tier, then by outstanding calls per unit of capacity, then by the last time they were picked,
/// the longest ago first. So an idle fleet is used round robin, and in a busy fleet the runner with the fewest calls per
/// slot gets the call. The next tier is used only if the better one has no free slot, because a runner without a free slot
/// is `unable`.
///
/// Encoded in one number, so that a thousand runners are compared in a microsecond: 4 bits for the tier, 18 for the calls
/// per unit of capacity, 42 for the order.
public struct PlacementRank: Hashable, Comparable, Sendable {
    /// For inlined comparisons: a function call per runner would double the time of a scan over a fleet.
    @usableFromInline let value: UInt64

    /// The rank of a runner that cannot take a call now.
    public static let unable = PlacementRank(value: .max)

    private static let orderBits: UInt64 = 42
    private static let tierBits: UInt64 = 4
    private static let loadScale: UInt64 = 1 << 18
    private static let tierShift = 64 - tierBits

    /// Number of distinct tiers; further tiers share the last.
    public static let tiers = (1 << Int(tierBits)) - 1

    private init(value: UInt64) { self.value = value }

    /// - Parameters:
    ///   - outstanding: calls in progress on the runner; less than `capacity`.
    ///   - capacity: slots × weight, at least 1.
    ///   - lastPicked: a sequence number; 0 for never.
    public init(outstanding: Int, capacity: Int, lastPicked: UInt64) {
        let load = UInt64(max(0, outstanding)) * Self.loadScale / UInt64(max(1, capacity))
        value = min(load, Self.loadScale - 1) << Self.orderBits | lastPicked & ((1 << Self.orderBits) - 1)
    }

    /// The same rank for a runner whose machine type is in this tier; 0 is the best.
    public func inTier(_ tier: Int) -> PlacementRank {
        guard self != .unable else { return self }
        return PlacementRank(value: UInt64(min(max(0, tier), Self.tiers - 1)) << Self.tierShift | value)
    }

    @inlinable public static func < (left: PlacementRank, right: PlacementRank) -> Bool { left.value < right.value }
}

/// How a class chooses among the runners that could serve a call.
public enum PlacementPolicy: String, Hashable, Sendable, CaseIterable {
    /// The fewest outstanding calls per slot; ties by round robin.
    case leastBusy = "least_busy"
    /// Round robin among runners with a free slot, however many calls they have.
    case roundRobin = "round_robin"
    /// A conversation stays with the runner that served its beginning, as long as that runner is not much busier than
    /// others.
    case prefixAffinity = "prefix_affinity"
}

public enum Balancer {
    /// The tier of a machine type among the preferred ones; all other types share the last tier.
    public static func tier(of machineType: MachineType, among preferred: [MachineType]) -> Int {
        preferred.firstIndex(of: machineType) ?? preferred.count
    }
}
