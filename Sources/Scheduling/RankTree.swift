import SimpleAICore

/// Finds the lowest rank among many runners without looking at all of them: the root of a tree in which each node is the
/// lower of the two below it.
///
/// Between two picks the ranks of one or two runners change. The tree takes in what has changed when it is asked, and each
/// change is as many comparisons as the tree is high: ten for a thousand runners.
struct RankTree: Sendable {
    /// Leaves: the next power of two.
    private let width: Int
    /// The root is at 1, and the children of n at 2n and 2n + 1. What has no runner is unable.
    private var nodes: [PlacementRank]
    /// Where a runner stands, by its index in the fleet; -1 where it does not.
    private var positions: [Int] = []
    private let indices: [Int]
    /// How many of the table's changes it has taken in.
    private var changes: Int

    /// - Parameter indices: of the runners, each once; among equals the first of them comes first.
    init(of indices: [Int], _ table: PickTable) {
        var width = 1
        while width < indices.count { width *= 2 }
        self.width = width
        self.indices = indices
        nodes = Array(repeating: .unable, count: 2 * width)
        changes = table.changes
        positions = Array(repeating: -1, count: table.ranks.count)
        for (position, index) in indices.enumerated() { positions[index] = position }
        takeAll(table)
    }

    /// Where in the list the runner with the lowest rank stands, the first of them where several have it; nil when none is
    /// able.
    mutating func lowest(in table: PickTable) -> Int? {
        catchUp(with: table)
        let lowest = nodes[1]
        guard lowest != .unable else { return nil }
        var node = 1
        while node < width { node = nodes[2 * node] == lowest ? 2 * node : 2 * node + 1 }
        return node - width
    }

    private mutating func catchUp(with table: PickTable) {
        guard changes != table.changes else { return }
        if let changed = table.changed(since: changes) {
            for number in changed {
                let index = table.runner(ofChange: number)
                if index < positions.count, positions[index] >= 0 { put(table.ranks[index], at: positions[index]) }
            }
        } else {
            takeAll(table)
        }
        changes = table.changes
    }

    private mutating func takeAll(_ table: PickTable) {
        for (position, index) in indices.enumerated() { nodes[width + position] = table.ranks[index] }
        for node in stride(from: width - 1, to: 0, by: -1) { nodes[node] = min(nodes[2 * node], nodes[2 * node + 1]) }
    }

    private mutating func put(_ rank: PlacementRank, at position: Int) {
        var node = width + position
        nodes[node] = rank
        while node > 1 {
            node /= 2
            let lower = min(nodes[2 * node], nodes[2 * node + 1])
            // What does not change here changes nothing above.
            if nodes[node] == lower { return }
            nodes[node] = lower
        }
    }
}
