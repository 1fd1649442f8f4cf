import SimpleAICore

/// A cache of the runners that serve any model of a list, shared by all calls with the same list. Without it, a class
/// of two hundred models would cost two hundred dictionary look-ups per call, and a fleet of a thousand runners a
/// thousand comparisons.
struct CandidateLists: Sendable {
    private struct List: Sendable {
        private let models: [ModelID]
        /// Indices of the runners, each once, in the order of the first model that each serves.
        let indices: [Int]
        /// For each of `indices`, the position of its model in the list.
        private let places: [Int]
        var ranks: RankTree

        init(_ models: [ModelID], _ serving: [ModelID: [Int]], _ table: PickTable) {
            self.models = models
            var (indices, places): ([Int], [Int]) = ([], [])
            var seen: Set<Int> = []
            for (place, model) in models.enumerated() {
                for index in serving[model] ?? [] where seen.insert(index).inserted {
                    indices.append(index)
                    places.append(place)
                }
            }
            self.indices = indices
            self.places = places
            ranks = RankTree(of: indices, table)
        }

        func choice(at position: Int) -> PlacementIndex.Choice { (indices[position], models[places[position]]) }
    }

    /// Maximum number of cached lists. There are about as many lists as classes; more appear only when classes change.
    private static let maxLists = 64
    /// Up to this number of runners, a scan for a single model is cheaper than a cached list.
    private static let maxScannedRunners = 32

    private var lists: [List] = []
    /// The models of each cached list.
    private var keys: [[ModelID]] = []

    /// The runner with the lowest rank, and the first of the models that it serves; nil if no runner can take a call.
    mutating func lowest(
        of models: [ModelID], _ serving: [ModelID: [Int]], _ table: PickTable, in tiers: PickTable.Tiers?,
        excluding excluded: [Int]
    ) -> PlacementIndex.Choice? {
        guard let number = number(of: models, serving, table) else {
            let indices = models.first.flatMap { serving[$0] } ?? []
            return table.lowest(indices, in: tiers, excluding: excluded).map { (indices[$0], models[0]) }
        }
        guard tiers == nil, excluded.isEmpty else {
            let list = lists[number]
            return table.lowest(list.indices, in: tiers, excluding: excluded).map(list.choice)
        }
        // Most calls prefer no machine type and exclude no runner.
        guard let position = lists[number].ranks.lowest(in: table) else { return nil }
        return lists[number].choice(at: position)
    }

    /// - Returns: the number of the cached list; nil for a single model that a scan finds faster.
    private mutating func number(of models: [ModelID], _ serving: [ModelID: [Int]], _ table: PickTable) -> Int? {
        // Calls of one class share their array, so this usually compares no names.
        if let known = keys.firstIndex(of: models) { return known }
        if models.count == 1, let model = models.first {
            guard lists.count < Self.maxLists / 2, serving[model, default: []].count > Self.maxScannedRunners else {
                return nil
            }
        }
        if lists.count == Self.maxLists { (lists, keys) = ([], []) }
        keys.append(models)
        lists.append(List(models, serving, table))
        return lists.count - 1
    }
}
