/// Where a runner stands among those that could take a call: the lowest rank takes it.
///
/// The better tier comes first, then the least outstanding calls per unit of capacity, then the runner that was picked
/// longest ago. So an idle fleet is served in turn, a busy one by load, and unequal machines by their capacity. The next
/// tier serves only when the better one has no free slot, because a runner without one is `unable`.
///
/// One number, so that a thousand runners are compared in a microsecond: 4 bits of tier, 18 of load, 42 of order.
public struct PlacementRank: Hashable, Comparable, Sendable {
    /// Comparing is inlined where a fleet is looked through: a call for each of a thousand runners would double it.
    @usableFromInline let value: UInt64

    /// Cannot take a call now.
    public static let unable = PlacementRank(value: .max)

    private static let orderBits: UInt64 = 42
    private static let tierBits: UInt64 = 4
    private static let loadScale: UInt64 = 1 << 18
    private static let tierShift = 64 - tierBits

    /// Tiers that can be told apart; those beyond share the last.
    public static let tiers = (1 << Int(tierBits)) - 1

    private init(value: UInt64) { self.value = value }

    /// - Parameters:
    ///   - outstanding: calls that the runner is serving; less than `capacity`.
    ///   - capacity: slots × weight, at least 1.
    ///   - lastPicked: a running number; 0 for never.
    public init(outstanding: Int, capacity: Int, lastPicked: UInt64) {
        let load = UInt64(max(0, outstanding)) * Self.loadScale / UInt64(max(1, capacity))
        value = min(load, Self.loadScale - 1) << Self.orderBits | lastPicked & ((1 << Self.orderBits) - 1)
    }

    /// The same, where the runner's machine type stands in this tier; 0 is the best.
    public func inTier(_ tier: Int) -> PlacementRank {
        guard self != .unable else { return self }
        return PlacementRank(value: UInt64(min(max(0, tier), Self.tiers - 1)) << Self.tierShift | value)
    }

    @inlinable public static func < (left: PlacementRank, right: PlacementRank) -> Bool { left.value < right.value }
}

/// How a class chooses among the runners that could serve it.
public enum PlacementPolicy: String, Hashable, Sendable, CaseIterable {
    /// Least outstanding calls per slot; ties in turn.
    case leastBusy = "least_busy"
    /// In turn, whatever the load, as long as there is a free slot.
    case roundRobin = "round_robin"
    /// Conversations stay with the runner that has seen their beginning, as long as it is not much busier than others.
    case prefixAffinity = "prefix_affinity"
}

public enum Balancer {
    /// The tier of a machine type among the preferred ones; everything that is not preferred shares the last.
    public static func tier(of machineType: MachineType, among preferred: [MachineType]) -> Int {
        preferred.firstIndex(of: machineType) ?? preferred.count
    }
}
