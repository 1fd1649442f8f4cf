import SimpleAICore

/// The data that picking a runner reads, in arrays of plain numbers indexed by runner: the ranks of a thousand runners
/// take 8 kB, and a scan touches no reference count.
struct PickTable {
    private(set) var ranks: [PlacementRank] = []
    /// The number of each runner's machine type.
    private var types: [Int] = []
    private var typeNumbers: [MachineType: Int] = [:]
    /// The fingerprint of each runner's id, for rendezvous hashing.
    private(set) var fingerprints: [PrefixFingerprint] = []

    private static let maxRememberedChanges = 256
    /// Number of rank changes so far.
    private(set) var changes = 0
    /// Ring buffer: the runners of the latest rank changes.
    private var latest = Array(repeating: 0, count: maxRememberedChanges)

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
        latest[changes % Self.maxRememberedChanges] = index
        changes += 1
    }

    /// The numbers of the changes since change `number`; nil if some of them are no longer in the buffer.
    func changed(since number: Int) -> Range<Int>? {
        changes - number <= Self.maxRememberedChanges ? number..<changes : nil
    }

    /// - Parameter number: the number of a change that is still in the buffer.
    func runner(ofChange number: Int) -> Int { latest[number % Self.maxRememberedChanges] }

    private mutating func number(of type: MachineType) -> Int {
        if let number = typeNumbers[type] { return number }
        let number = typeNumbers.count
        typeNumbers[type] = number
        return number
    }

    /// The tier of every machine type when `types` are preferred; nil if there is no preference.
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

    /// The position in `indices` of the runner with the lowest rank, the first one among equals; nil if no runner can
    /// take a call.
    func lowest(_ indices: [Int], in tiers: Tiers?, excluding excluded: [Int]) -> Int? {
        var (best, found) = (PlacementRank.unable, Int?.none)
        for (position, index) in indices.enumerated() {
            let rank = tiers.map { ranks[index].inTier($0.ofType[types[index]]) } ?? ranks[index]
            guard rank < best, !excluded.contains(index) else { continue }
            (best, found) = (rank, position)
        }
        return found
    }
}
