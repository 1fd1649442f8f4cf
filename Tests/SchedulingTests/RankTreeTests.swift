import SimpleAICore
import Testing

@testable import Scheduling

/// The tree finds the same runner as a search over all of them.
@Suite struct RankTreeTests {
    private func table(of count: Int) -> PickTable {
        var table = PickTable()
        for number in 0..<count { table.add(Runner(id: RunnerID("r\(number)"))) }
        return table
    }

    private func rank(_ number: Int) -> PlacementRank {
        PlacementRank(outstanding: 0, capacity: 1, lastPicked: UInt64(number))
    }

    @Test(arguments: [1, 2, 3, 31, 32, 33, 1000])
    func findsTheLowestRank(count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        var table = table(of: count)
        // The tree contains some of the runners, in another order than the fleet.
        let indices = (0..<count).filter { $0 == 0 || $0 % 5 != 3 }.shuffled(using: &random)
        var tree = RankTree(of: indices, table)
        #expect(tree.lowest(in: table) == nil)
        for step in 0..<3000 {
            // Usually a change or two between two searches; occasionally more than the table remembers.
            let changes = step % 100 == 99 ? 300 : Int.random(in: 0...2, using: &random)
            for _ in 0..<changes {
                let isAble = Int.random(in: 0..<4, using: &random) > 0
                let rank = isAble ? rank(.random(in: 0..<50, using: &random)) : .unable
                table.setRank(rank, at: .random(in: 0..<count, using: &random))
            }
            #expect(tree.lowest(in: table) == table.lowest(indices, in: nil, excluding: []))
        }
    }

    @Test func amongEqualsTheFirstInTheListIsFound() {
        var table = table(of: 6)
        for index in 0..<6 { table.setRank(rank(7), at: index) }
        var tree = RankTree(of: [4, 2, 5], table)
        #expect(tree.lowest(in: table) == 0)
        table.setRank(.unable, at: 4)
        #expect(tree.lowest(in: table) == 1)
        table.setRank(rank(1), at: 5)
        #expect(tree.lowest(in: table) == 2)
    }

    /// A change of a copy leaves the original's tree as it was.
    @Test func copiesAreIndependent() {
        var table = table(of: 3)
        for index in 0..<3 { table.setRank(rank(index + 1), at: index) }
        var tree = RankTree(of: [0, 1, 2], table)
        var (otherTable, otherTree) = (table, tree)
        otherTable.setRank(rank(0), at: 2)
        #expect(otherTree.lowest(in: otherTable) == 2)
        table.setRank(rank(0), at: 1)
        #expect(tree.lowest(in: table) == 1)
        #expect(otherTree.lowest(in: otherTable) == 2)
    }

    @Test func anEmptyTreeHasNoRunner() {
        let table = table(of: 4)
        var tree = RankTree(of: [], table)
        #expect(tree.lowest(in: table) == nil)
    }
}
