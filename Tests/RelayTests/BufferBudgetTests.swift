import Relay
import Testing

@Suite struct BufferBudgetTests {
    @Test func reservesUpToItsLimit() {
        let budget = BufferBudget(limit: 10)
        #expect(budget.reserve(4) && budget.reserve(6))
        #expect(!budget.reserve(1))
        #expect(budget.bytesInUse == 10)
        budget.giveBack(6)
        #expect(budget.reserve(6))
        #expect(budget.reserve(0))
    }
}
