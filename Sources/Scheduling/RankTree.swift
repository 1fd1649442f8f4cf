import SimpleAICore

/// A tournament tree that finds the lowest rank among many runners without a scan: each node stores the lower rank of
/// its two children.
///
/// Between two picks the ranks of one or two runners change. The tree applies the changes when it is queried, and each
/// change takes as many comparisons as the tree has levels: ten for a thousand runners.
struct RankTree: Sendable {
    /// Number of leaves: the next power of two.
    private let width: Int
    /// The root is at 1, and the children of n are at 2n and 2n + 1. Leaves without a runner are `unable`.
    private var nodes: [PlacementRank]
    /// Each runner's leaf, by its index in the fleet; -1 if it has none.
    private var positions: [Int] = []
    private let indices: [Int]
    /// Number of the table's changes that the tree has applied.
    private var changes: Int

    /// - Parameter indices: the runners' indices, each once; among equal ranks the first in this list is chosen.
    init(of indices: [Int], _ table: PickTable) {
        var width = 1
        while width < indices.count { width *= 2 }
        self.width = width
        self.indices = indices
        nodes = Array(repeating: .unable, count: 2 * width)
        changes = table.changes
        positions = Array(repeating: -1, count: table.ranks.count)
        for (position, index) in indices.enumerated() { positions[index] = position }
        rebuild(table)
    }

    /// The position in the list of the runner with the lowest rank, the first one among equals; nil if no runner can
    /// take a call.
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
                if index < positions.count, positions[index] >= 0 { setRank(table.ranks[index], at: positions[index]) }
            }
        } else {
            rebuild(table)
        }
        changes = table.changes
    }

    private mutating func rebuild(_ table: PickTable) {
        for (position, index) in indices.enumerated() { nodes[width + position] = table.ranks[index] }
        for node in stride(from: width - 1, to: 0, by: -1) { nodes[node] = min(nodes[2 * node], nodes[2 * node + 1]) }
    }

    private mutating func setRank(_ rank: PlacementRank, at position: Int) {
        var node = width + position
        nodes[node] = rank
        while node > 1 {
            node /= 2
            let lower = min(nodes[2 * node], nodes[2 * node + 1])
            // An unchanged node leaves its ancestors unchanged.
            if nodes[node] == lower { return }
            nodes[node] = lower
        }
    }
}
