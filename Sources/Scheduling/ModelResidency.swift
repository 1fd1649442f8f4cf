import SimpleAICore

/// The models in a runner's memory, by the engine's own ids, and the memory that they use.
struct ModelResidency: Hashable, Sendable {
    private(set) var loaded: Set<EngineModelID> = []
    private var sizes: [EngineModelID: ByteCount] = [:]
    private(set) var limit: ByteCount?
    /// Number of calls in progress per model.
    private var active: [EngineModelID: Int] = [:]
    /// The number of the latest pick per model.
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

    /// What has to be unloaded before a model can be loaded.
    enum Eviction: Hashable {
        /// Nothing: the model fits into free memory.
        case notNeeded
        /// These models, least recently used first; none may have a call in progress when it is unloaded.
        case unload([EngineModelID])
        /// Sizes or the limit are unknown: the engine itself decides what to unload, so no other call may be in
        /// progress meanwhile.
        case unknown
    }

    func eviction(for model: EngineModelID) -> Eviction {
        let others = loaded.filter { $0 != model }
        if others.isEmpty { return .notNeeded }
        guard let limit, let size = sizes[model] else { return .unknown }
        var used = 0
        for other in others {
            guard let size = sizes[other] else { return .unknown }
            used = Self.sum(used, size.bytes)
        }
        var needed = Self.sum(used, size.bytes)
        if needed <= limit.bytes { return .notNeeded }
        var victims: [EngineModelID] = []
        for other in others.sorted(by: isEvictedBefore) where needed > limit.bytes {
            victims.append(other)
            needed -= sizes[other]?.bytes ?? 0
        }
        return .unload(victims)
    }

    /// Whether `left` is unloaded before `right`: idle models before busy ones, then the least recently used.
    private func isEvictedBefore(_ left: EngineModelID, _ right: EngineModelID) -> Bool {
        let order = [left, right].map { (activeCalls(on: $0) > 0 ? 1 : 0, lastUsed[$0] ?? 0, $0) }
        return order[0] < order[1]
    }

    /// Saturating addition: agents state these numbers, and no value may crash the gateway.
    private static func sum(_ total: Int, _ more: Int) -> Int {
        let (sum, overflows) = total.addingReportingOverflow(max(0, more))
        return overflows ? .max : sum
    }
}
