import SimpleAICore

/// An index of the runners that serve each model. The cost of updating one runner depends on the models that it lists,
/// not on those of the others.
struct RunnersByModel: Sendable {
    /// For each model, the positions of runners that serve it without loading it first, ascending.
    private(set) var serving: [ModelID: [Int]] = [:]
    /// For each model, the positions of runners whose engine would have to load it first, ascending.
    private(set) var loadable: [ModelID: [Int]] = [:]
    /// By position of the runner: its models, and whether it serves each without loading it first.
    private var models: [[ModelID: Bool]] = []

    /// Runners that list a model, loaded or not.
    func listing(_ model: ModelID) -> [Int] { (serving[model] ?? []) + (loadable[model] ?? []) }

    /// Replaces the models of one runner.
    /// - Parameter current: its models, and whether it serves each without loading it first; empty for a removed
    ///   runner.
    /// - Returns: whether anything differs from before.
    mutating func update(_ position: Int, to current: [ModelID: Bool]) -> Bool {
        while models.count <= position { models.append([:]) }
        let previous = models[position]
        guard previous != current else { return false }
        models[position] = current
        for (model, isServing) in previous where current[model] != isServing {
            if isServing {
                Self.remove(position, from: &serving, model)
            } else {
                Self.remove(position, from: &loadable, model)
            }
        }
        for (model, isServing) in current where previous[model] != isServing {
            if isServing {
                Self.insert(position, into: &serving, model)
            } else {
                Self.insert(position, into: &loadable, model)
            }
        }
        return true
    }

    private static func insert(_ position: Int, into table: inout [ModelID: [Int]], _ model: ModelID) {
        let place = table[model, default: []].firstIndex { $0 >= position } ?? table[model, default: []].count
        table[model, default: []].insert(position, at: place)
    }

    private static func remove(_ position: Int, from table: inout [ModelID: [Int]], _ model: ModelID) {
        table[model]?.removeAll { $0 == position }
        if table[model]?.isEmpty == true { table[model] = nil }
    }
}
