import SimpleAICore
import TestSupport
import Testing

@Suite struct FairShareTests {
    private static let rule = FairShare(capacity: 100, minShare: 5)

    struct Case: Sendable {
        let amount: Int, held: Int, inUse: Int
        let decision: FairShare.Decision
    }

    @Test(arguments: [
        Case(amount: 50, held: 0, inUse: 0, decision: .granted),
        Case(amount: 51, held: 0, inUse: 0, decision: .beyondShare),
        Case(amount: 1, held: 50, inUse: 50, decision: .beyondShare),
        Case(amount: 5, held: 0, inUse: 95, decision: .granted),
        Case(amount: 6, held: 0, inUse: 94, decision: .beyondShare),
        Case(amount: 1, held: 0, inUse: 100, decision: .exhausted),
        Case(amount: 101, held: 0, inUse: 0, decision: .exhausted),
        Case(amount: 0, held: 0, inUse: 100, decision: .granted),
        Case(amount: .max, held: 1, inUse: 1, decision: .exhausted),
    ]) func table(_ row: Case) {
        #expect(Self.rule.decision(on: row.amount, held: row.held, inUse: row.inUse) == row.decision)
    }

    /// However many holders take as much as they can, one after the other: none exceeds its share, and some capacity
    /// is left.
    @Test(arguments: 1...20) func greedyHoldersLeaveCapacity(_ holders: Int) {
        let rule = FairShare(capacity: 1_000, minShare: 1)
        var ledger = ShareLedger<Int>()
        var isTaking = true
        while isTaking {
            isTaking = false
            for holder in 0..<holders where ledger.take(for: holder, under: rule) == .granted { isTaking = true }
        }
        let part = 1_000 / (holders + 1)
        #expect((0..<holders).allSatisfy { (part - 1...part + 1).contains(ledger.held(by: $0)) })
        #expect(ledger.inUse <= 1_000 - part + holders)
        #expect(ledger.take(for: holders, under: rule) == .granted)
    }

    @Test func aHolderWithMoreWeightMayHaveMore() {
        let rule = FairShare(capacity: 100, minShare: 0, weight: 3)
        #expect(rule.decision(on: 75, held: 0, inUse: 0) == .granted)
        #expect(rule.decision(on: 76, held: 0, inUse: 0) == .beyondShare)
    }

    @Test func theLedgerDropsHoldersWithoutShares() {
        var ledger = ShareLedger<String>()
        #expect(ledger.take(20, for: "a", under: Self.rule) == .granted)
        #expect(ledger.take(60, for: nil, under: Self.rule) == .granted, "one that no share is kept of")
        #expect(ledger.take(21, for: nil, under: Self.rule) == .exhausted)
        #expect(ledger.holderCount == 1 && ledger.inUse == 80)
        ledger.giveBack(20, of: "a")
        ledger.giveBack(60, of: nil)
        #expect(ledger.holderCount == 0 && ledger.inUse == 0)
    }

    /// For any sequence of events: the sum equals the sum of the parts, and the capacity holds.
    @Test(arguments: 0..<20) func invariantsHoldForRandomEvents(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rule = FairShare(capacity: 500, minShare: 20)
        var ledger = ShareLedger<Int>()
        var held: [Int: Int] = [:]
        for _ in 0..<2_000 {
            let holder = Int.random(in: 0..<6, using: &random)
            let amount = Int.random(in: 0..<40, using: &random)
            if Bool.random(using: &random) {
                let others = ledger.inUse - ledger.held(by: holder)
                if ledger.take(amount, for: holder, under: rule) == .granted {
                    held[holder, default: 0] += amount
                    let mine = held[holder] ?? 0
                    #expect(mine <= max(20, 500 - others - mine))
                }
            } else {
                let back = min(amount, held[holder] ?? 0)
                ledger.giveBack(back, of: holder)
                held[holder, default: 0] -= back
            }
            #expect(ledger.inUse == held.values.reduce(0, +) && ledger.inUse <= 500)
        }
    }
}
