import SimpleAICore

/// Who serves any of a list of models, worked out once for all calls that ask for the same list: a class of two hundred
/// models would otherwise cost two hundred look-ups by name for every call.
struct CandidateLists: Sendable {
    struct List: Sendable {
        fileprivate let models: [ModelID]
        /// Of the runners, in the order of the models; twice where a runner serves two of them.
        let indices: [Int]
        /// For each of `indices`, the place of its model in the list.
        private let places: [Int]

        fileprivate init(_ models: [ModelID], _ serving: [ModelID: [Int]]) {
            self.models = models
            var (indices, places): ([Int], [Int]) = ([], [])
            for (place, model) in models.enumerated() {
                for index in serving[model] ?? [] {
                    indices.append(index)
                    places.append(place)
                }
            }
            self.indices = indices
            self.places = places
        }

        /// The model for which the runner at this place of `indices` stands there.
        func model(at position: Int) -> ModelID { models[places[position]] }
    }

    /// There are about as many lists as classes; more come only when classes change.
    private static let most = 64

    private var lists: [List] = []

    mutating func list(of models: [ModelID], _ serving: [ModelID: [Int]]) -> List {
        // Calls of one class share their list, and then this compares no names.
        if let known = lists.first(where: { $0.models == models }) { return known }
        if lists.count == Self.most { lists = [] }
        let list = List(models, serving)
        lists.append(list)
        return list
    }
}
