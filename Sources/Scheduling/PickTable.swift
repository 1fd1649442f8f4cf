import SimpleAICore

/// What picking looks at, in arrays of plain numbers by runner: a thousand runners fit into a few cache lines, and looking
/// through them touches no reference count.
struct PickTable {
    private(set) var ranks: [PlacementRank] = []
    /// The number of each runner's machine type.
    private var types: [Int] = []
    private var typeNumbers: [MachineType: Int] = [:]
    /// What rendezvous hashing knows the runners by.
    private(set) var fingerprints: [PrefixFingerprint] = []

    private static let remembered = 256
    /// How often a rank has changed.
    private(set) var changes = 0
    /// Whose rank it was, of the latest changes.
    private var latest = Array(repeating: 0, count: remembered)

    mutating func add(_ runner: Runner) {
        ranks.append(.unable)
        types.append(number(of: runner.machineType))
        fingerprints.append(PrefixFingerprint(runner.id.rawValue.utf8))
    }

    mutating func replace(_ runner: Runner, at index: Int) {
        types[index] = number(of: runner.machineType)
        fingerprints[index] = PrefixFingerprint(runner.id.rawValue.utf8)
    }

    mutating func setRank(_ rank: PlacementRank, at index: Int) {
        guard ranks[index] != rank else { return }
        ranks[index] = rank
        latest[changes % Self.remembered] = index
        changes += 1
    }

    /// The numbers of the changes since there were so many; nil when they are too many to be remembered.
    func changed(since number: Int) -> Range<Int>? {
        changes - number <= Self.remembered ? number..<changes : nil
    }

    /// - Parameter number: one of the latest.
    func runner(ofChange number: Int) -> Int { latest[number % Self.remembered] }

    private mutating func number(of type: MachineType) -> Int {
        if let number = typeNumbers[type] { return number }
        let number = typeNumbers.count
        typeNumbers[type] = number
        return number
    }

    /// The tier of every machine type for those who prefer `types`; nil when nothing is preferred.
    func tiers(preferring types: [MachineType]) -> Tiers? {
        guard !types.isEmpty else { return nil }
        var tiers = Array(repeating: types.count, count: typeNumbers.count)
        for (tier, type) in types.enumerated().reversed() {
            if let number = typeNumbers[type] { tiers[number] = tier }
        }
        return Tiers(ofType: tiers)
    }

    struct Tiers {
        fileprivate let ofType: [Int]
    }

    func tier(of index: Int, in tiers: Tiers?) -> Int {
        tiers.map { $0.ofType[types[index]] } ?? 0
    }

    /// Where in `indices` the runner with the lowest rank stands, the first of them where several have it; nil when none is
    /// able.
    func lowest(_ indices: [Int], in tiers: Tiers?, excluding excluded: [Int]) -> Int? {
        var (best, found) = (PlacementRank.unable, Int?.none)
        for (position, index) in indices.enumerated() {
            let rank = rank(of: index, in: tiers, excluding: excluded)
            guard rank < best else { continue }
            (best, found) = (rank, position)
        }
        return found
    }

    private func rank(of index: Int, in tiers: Tiers?, excluding excluded: [Int]) -> PlacementRank {
        guard !excluded.contains(index) else { return .unable }
        guard let tiers else { return ranks[index] }
        return ranks[index].inTier(tiers.ofType[types[index]])
    }
}
