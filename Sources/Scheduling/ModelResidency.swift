import SimpleAICore

/// Which models of a runner are in memory and how much of it they take; by the engine's own ids.
struct ModelResidency: Hashable, Sendable {
    private(set) var loaded: Set<EngineModelID> = []
    private var sizes: [EngineModelID: ByteCount] = [:]
    private(set) var limit: ByteCount?
    /// Calls under way.
    private var active: [EngineModelID: Int] = [:]
    /// When it was last given a call: a running number of picks.
    private var lastUsed: [EngineModelID: UInt64] = [:]

    mutating func replace(by report: RunnerReport) {
        loaded = Set(report.models.filter(\.isLoaded).map(\.engineID))
        sizes = [:]
        for model in report.models { sizes[model.engineID] = model.size }
        limit = report.memoryLimit
    }

    mutating func loaded(_ model: EngineModelID) { loaded.insert(model) }
    mutating func unloaded(_ model: EngineModelID) { loaded.remove(model) }

    mutating func callBegan(on model: EngineModelID, number: UInt64) {
        active[model, default: 0] += 1
        lastUsed[model] = number
    }

    mutating func callEnded(on model: EngineModelID) {
        active[model] = active[model].flatMap { $0 > 1 ? $0 - 1 : nil }
    }

    func activeCalls(on model: EngineModelID) -> Int { active[model] ?? 0 }

    /// What has to go before a model can come.
    enum Room: Hashable {
        /// Nothing: it fits beside what is there.
        case isThere
        /// These, least recently used first; none of them may have a call under way when it goes.
        case byUnloading([EngineModelID])
        /// Sizes or memory are not known: the engine makes room itself, so nothing else may be under way meanwhile.
        case unknown
    }

    func room(for model: EngineModelID) -> Room {
        let others = loaded.filter { $0 != model }
        if others.isEmpty { return .isThere }
        guard let limit, let size = sizes[model] else { return .unknown }
        var used = 0
        for other in others {
            guard let size = sizes[other] else { return .unknown }
            used = Self.sum(used, size.bytes)
        }
        var needed = Self.sum(used, size.bytes)
        if needed <= limit.bytes { return .isThere }
        var victims: [EngineModelID] = []
        for other in others.sorted(by: goesBefore) where needed > limit.bytes {
            victims.append(other)
            needed -= sizes[other]?.bytes ?? 0
        }
        return .byUnloading(victims)
    }

    /// Idle ones before busy ones, then the one that was used longest ago.
    private func goesBefore(_ left: EngineModelID, _ right: EngineModelID) -> Bool {
        let order = [left, right].map { (activeCalls(on: $0) > 0 ? 1 : 0, lastUsed[$0] ?? 0, $0) }
        return order[0] < order[1]
    }

    /// Agents state these numbers: however large, they must not stop the gateway.
    private static func sum(_ total: Int, _ more: Int) -> Int {
        let (sum, overflows) = total.addingReportingOverflow(max(0, more))
        return overflows ? .max : sum
    }
}
