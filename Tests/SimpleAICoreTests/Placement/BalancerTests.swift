import SimpleAICore
import Testing

@Suite struct BalancerTests {
    private func candidate(
        _ outstanding: Int, of capacity: Int = 1, tier: Int = 0, picked: UInt64 = 0, index: Int = 0
    ) -> Candidate {
        Candidate(index: index, outstanding: outstanding, capacity: capacity, tier: tier, lastPicked: picked)
    }

    private func best(_ candidates: [Candidate]) -> Int? {
        candidates.enumerated().min { Balancer.prefers($0.element, to: $1.element) }?.offset
    }

    @Test func theBetterTierComesFirstWhateverItsLoad() {
        #expect(best([candidate(0, of: 8, tier: 1), candidate(7, of: 8, tier: 0, picked: 9)]) == 1)
    }

    @Test func loadIsMeasuredAgainstCapacity() {
        #expect(best([candidate(1, of: 2), candidate(1, of: 4)]) == 1)
        #expect(best([candidate(1, of: 2), candidate(3, of: 8)]) == 1)
        #expect(best([candidate(1, of: 2, picked: 2), candidate(2, of: 4, picked: 1)]) == 1)
        #expect(best([candidate(0, of: 1, picked: 5), candidate(1, of: 100)]) == 0)
    }

    @Test func tiesGoToWhoWasPickedLongestAgo() {
        #expect(best([candidate(0, picked: 3), candidate(0, picked: 1), candidate(0, picked: 2)]) == 1)
        #expect(best([candidate(0), candidate(0)]) == 0)
        #expect(!Balancer.prefers(candidate(1, picked: 4), to: candidate(1, picked: 4)))
    }

    /// Sorting by it has to be possible: never both ways, and transitive.
    @Test func isAStrictOrder() {
        var all: [Candidate] = []
        for tier in 0...1 {
            for outstanding in 0...2 {
                for capacity in [1, 2, 3] {
                    for picked in 0...1 as ClosedRange<UInt64> {
                        all.append(candidate(outstanding, of: capacity, tier: tier, picked: picked))
                    }
                }
            }
        }
        for a in all {
            for b in all {
                #expect(!(Balancer.prefers(a, to: b) && Balancer.prefers(b, to: a)))
                for c in all where Balancer.prefers(a, to: b) && Balancer.prefers(b, to: c) {
                    #expect(Balancer.prefers(a, to: c))
                }
            }
        }
    }

    @Test func tiersFollowThePreferences() {
        #expect(Balancer.tier(of: "gpu", among: ["gpu", "cpu"]) == 0)
        #expect(Balancer.tier(of: "cpu", among: ["gpu", "cpu"]) == 1)
        #expect(Balancer.tier(of: "", among: ["gpu", "cpu"]) == 2)
        #expect(Balancer.tier(of: "other", among: []) == 0)
    }
}
