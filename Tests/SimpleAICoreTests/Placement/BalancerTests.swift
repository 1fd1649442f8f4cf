import SimpleAICore
import Testing

@Suite struct BalancerTests {
    private func rank(_ outstanding: Int, of capacity: Int = 1, tier: Int = 0, picked: UInt64 = 0) -> PlacementRank {
        PlacementRank(outstanding: outstanding, capacity: capacity, lastPicked: picked).inTier(tier)
    }

    private func best(_ ranks: [PlacementRank]) -> Int? {
        ranks.enumerated().min { $0.element < $1.element }?.offset
    }

    @Test func theBetterTierComesFirstWhateverItsLoad() {
        #expect(best([rank(0, of: 8, tier: 1), rank(7, of: 8, tier: 0, picked: 9)]) == 1)
        #expect(rank(7, of: 8, tier: PlacementRank.tiers - 2) < rank(0, of: 8, tier: PlacementRank.tiers - 1))
    }

    @Test func loadIsMeasuredAgainstCapacity() {
        #expect(best([rank(1, of: 2), rank(1, of: 4)]) == 1)
        #expect(best([rank(1, of: 2), rank(3, of: 8)]) == 1)
        #expect(best([rank(1, of: 2, picked: 2), rank(2, of: 4, picked: 1)]) == 1)
        #expect(best([rank(0, of: 1, picked: 5), rank(1, of: 100)]) == 0)
    }

    /// Equal shares of any two capacities are equal, different ones differ: up to 4,096 slots, as settings allow.
    @Test(arguments: [1, 2, 3, 7, 64, 500, 4096])
    func equalLoadsAreEqual(capacity: Int) {
        for outstanding in stride(from: 0, to: capacity, by: max(1, capacity / 50)) {
            #expect(rank(outstanding, of: capacity) == rank(3 * outstanding, of: 3 * capacity))
            #expect(rank(outstanding, of: capacity) < rank(outstanding + 1, of: capacity + 1) || capacity > 500)
        }
    }

    @Test func tiesGoToTheLeastRecentlyPicked() {
        #expect(best([rank(0, picked: 3), rank(0, picked: 1), rank(0, picked: 2)]) == 1)
        #expect(best([rank(0), rank(0)]) == 0)
        // After four million million picks the order begins anew, and load still has precedence.
        #expect(rank(0, of: 2, picked: 1 << 42 - 1) < rank(1, of: 2, picked: 0))
    }

    @Test func runnersWithoutCapacityAreLast() {
        #expect(rank(4095, of: 4096, tier: 99, picked: 1 << 42 - 1) < .unable)
        #expect(PlacementRank.unable.inTier(0) == .unable)
    }

    @Test func tiersFollowThePreferences() {
        #expect(Balancer.tier(of: "gpu", among: ["gpu", "cpu"]) == 0)
        #expect(Balancer.tier(of: "cpu", among: ["gpu", "cpu"]) == 1)
        #expect(Balancer.tier(of: "", among: ["gpu", "cpu"]) == 2)
        #expect(Balancer.tier(of: "other", among: []) == 0)
    }
}
