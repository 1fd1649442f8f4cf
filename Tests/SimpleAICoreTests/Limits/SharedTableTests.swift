import SimpleAICore
import TestSupport
import Testing

@Suite struct SharedTableTests {
    @Test func anOwnerBeyondItsShareReplacesItsOwnEntries() {
        var table = SharedTable<String, Int, Int>(capacity: 100)
        for key in 0..<30 { table.insert(key, for: key, of: "other") }
        for key in 1_000..<5_000 { table.insert(key, for: key, of: "greedy") }
        #expect((0..<30).allSatisfy { table[$0]?.value == $0 })
        #expect(table[4_999]?.owner == "greedy" && table[1_000] == nil)
        #expect(table.count == 65, "half of what the other has left")
    }

    @Test func aFullTableEvictsTheOldestForOwnersWithFewEntries() {
        var table = SharedTable<Int, Int, Int>(capacity: 100)
        for owner in 0..<1_000 { table.insert(owner, for: owner, of: owner) }
        #expect(table.count == 100)
        #expect((900..<1_000).allSatisfy { table[$0]?.value == $0 })
    }

    @Test func aKeyBelongsToItsLastOwner() {
        var table = SharedTable<String, Int, Int>(capacity: 10)
        table.insert(1, for: 1, of: "a")
        table.insert(2, for: 1, of: "b")
        #expect(table.count == 1 && table[1]?.owner == "b" && table[1]?.value == 2)
        table.remove(1)
        #expect(table.count == 0 && table[1] == nil)
    }

    /// For any sequence of changes: never more than the capacity, and each entry has its latest value.
    @Test(arguments: 0..<10) func invariantsHoldForRandomEvents(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = SharedTable<Int, Int, Int>(capacity: 50)
        var latest: [Int: (owner: Int, value: Int)] = [:]
        for step in 0..<5_000 {
            let key = Int.random(in: 0..<120, using: &random)
            let owner = Int.random(in: 0..<4, using: &random)
            if Int.random(in: 0..<10, using: &random) == 0 {
                table.remove(key)
                latest[key] = nil
            } else {
                table.insert(step, for: key, of: owner)
                latest[key] = (owner, step)
                #expect(table[key]?.value == step)
            }
            #expect(table.count <= 50)
        }
        for key in 0..<120 {
            guard let entry = table[key] else { continue }
            #expect(entry.owner == latest[key]?.owner && entry.value == latest[key]?.value)
        }
    }
}
