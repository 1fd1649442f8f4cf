import Relay
import SimpleAICore
import Testing

@Suite struct BufferBudgetTests {
    private static func caller(_ name: String) -> CallerID { CallerID(subject: SubjectID(name), issuer: "i") }
    private static func address(_ number: UInt32) -> SimpleAICore.Peer { .v4(number) }

    @Test func reservesUpToItsLimit() {
        let budget = BufferBudget(limit: 10, minShare: 10)
        let share = budget.share(for: Self.caller("a"), from: nil)
        #expect(share.reserve(4) == .granted && share.reserve(6) == .granted)
        #expect(share.reserve(1) == .exhausted)
        #expect(budget.bytesInUse == 10)
        share.release(6)
        #expect(share.reserve(6) == .granted)
        #expect(share.reserve(0) == .granted)
    }

    @Test func oneCallerMayReserveHalf() {
        let budget = BufferBudget(limit: 1_000, minShare: 10)
        let greedy = (1...5).map { budget.share(for: Self.caller("greedy"), from: Self.address($0)) }
        var taken = 0
        while taken < 2_000, greedy[taken % 5].reserve(1) == .granted { taken += 1 }
        #expect(taken == 500)
        #expect(greedy[0].reserve(1) == .beyondShare)
        #expect(budget.share(for: Self.caller("other"), from: Self.address(9)).reserve(200) == .granted)
    }

    @Test func aCallerMayHaveAFixedLimit() {
        let budget = BufferBudget(limit: 1_000, minShare: 1_000, maxPerCaller: 300)
        let share = budget.share(for: Self.caller("greedy"), from: Self.address(1))
        let same = budget.share(for: Self.caller("greedy"), from: Self.address(2))
        #expect(share.reserve(200) == .granted && same.reserve(101) == .beyondShare && same.reserve(100) == .granted)
        #expect(budget.share(for: Self.caller("other"), from: Self.address(1)).reserve(300) == .granted)
        budget.setLimit(1_000, minShare: 1_000, maxPerCaller: 301)
        #expect(share.reserve(1) == .granted && share.reserve(1) == .beyondShare)
        #expect(budget.bytesInUse == 601)
    }

    @Test func limitsAnAddressButNotAProxy() {
        let budget = BufferBudget(limit: 1_000, minShare: 10)
        let callers = (0..<200).map { budget.share(for: Self.caller("\($0)"), from: Self.address(1)) }
        #expect(callers.count { $0.reserve(10) == .granted } == 75)
        let behindProxy = (200..<220).map { budget.share(for: Self.caller("\($0)"), from: nil) }
        #expect(behindProxy.allSatisfy { $0.reserve(10) == .granted })
    }

    @Test func oneCallerLeavesMemoryToOthersAtItsAddress() {
        let budget = BufferBudget(limit: 1_000, minShare: 10)
        let greedy = budget.share(for: Self.caller("greedy"), from: Self.address(1))
        #expect(greedy.reserve(500) == .granted && greedy.reserve(1) == .beyondShare)
        #expect(budget.share(for: Self.caller("neighbour"), from: Self.address(1)).reserve(100) == .granted)
    }

    @Test func removesAHolderWithItsLastShare() {
        let budget = BufferBudget(limit: 1_000)
        do {
            let first = budget.share(for: Self.caller("a"), from: Self.address(1))
            let second = budget.share(for: Self.caller("a"), from: Self.address(1))
            #expect(budget.holderCount == 2)
            withExtendedLifetime((first, second)) {}
        }
        #expect(budget.holderCount == 0)
    }

    @Test func aRefusalReservesNothing() {
        let budget = BufferBudget(limit: 100, minShare: 10)
        let share = budget.share(for: Self.caller("a"), from: Self.address(1))
        #expect(share.reserve(50) == .granted)
        #expect(share.reserve(10) == .beyondShare)
        #expect(share.reserve(200) == .exhausted)
        share.release(50)
        #expect(budget.bytesInUse == 0)
        #expect(share.reserve(50) == .granted)
    }
}
