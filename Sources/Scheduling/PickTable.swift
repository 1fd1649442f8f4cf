import SimpleAICore

/// What picking looks at, in arrays of plain numbers by runner: a thousand runners fit into a few cache lines, and looking
/// through them touches no reference count.
struct PickTable {
    private(set) var ranks: [PlacementRank] = []
    /// The number of each runner's machine type.
    private var types: [Int] = []
    private var typeNumbers: [String: Int] = [:]
    /// What rendezvous hashing knows the runners by.
    private(set) var fingerprints: [PrefixFingerprint] = []

    mutating func add(_ runner: Runner) {
        ranks.append(.unable)
        types.append(number(of: runner.machineType))
        fingerprints.append(PrefixFingerprint(runner.id.rawValue.utf8))
    }

    mutating func replace(_ runner: Runner, at index: Int) {
        types[index] = number(of: runner.machineType)
        fingerprints[index] = PrefixFingerprint(runner.id.rawValue.utf8)
    }

    mutating func setRank(_ rank: PlacementRank, at index: Int) { ranks[index] = rank }

    private mutating func number(of type: String) -> Int {
        if let number = typeNumbers[type] { return number }
        let number = typeNumbers.count
        typeNumbers[type] = number
        return number
    }

    /// The tier of every machine type for those who prefer `types`; nil when nothing is preferred.
    func tiers(preferring types: [String]) -> Tiers? {
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

    /// The runner with the lowest rank among `indices`, the first of them where several have it; nil when none is able.
    func lowest(_ indices: [Int], in tiers: Tiers?, excluding excluded: [Int]) -> Int? {
        var best = PlacementRank.unable
        var found: Int?
        for index in indices {
            var rank = ranks[index]
            if let tiers { rank = rank.inTier(tiers.ofType[types[index]]) }
            if rank < best, excluded.isEmpty || !excluded.contains(index) {
                best = rank
                found = index
            }
        }
        return found
    }
}
