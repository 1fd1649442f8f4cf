public import SimpleAICore

/// The models in a simulated engine's memory, with counters of loads. If the engine does not simulate loading, all its
/// models are always in memory.
public final class ModelMemory: Sendable {
    public struct State: Hashable, Sendable {
        public fileprivate(set) var loaded: Set<ModelID>
        /// Number of load requests received per model, including requests for a model that is in memory or cannot be
        /// loaded.
        public fileprivate(set) var loads: [ModelID: Int] = [:]
        public fileprivate(set) var unloads: [ModelID: Int] = [:]
        /// Number of calls whose model was not in memory, so that the call had to load it.
        public fileprivate(set) var unexpectedLoads = 0
        /// Number of models that were unloaded while a call used them.
        public fileprivate(set) var cuts = 0
        fileprivate var active: [ModelID: Int] = [:]
    }

    /// The file is not a model.
    struct NotAModel: Error {}

    /// Counts a call as active as long as it is referenced.
    final class Use: Sendable {
        private let memory: ModelMemory
        private let model: ModelID

        fileprivate init(_ memory: ModelMemory, _ model: ModelID) {
            (self.memory, self.model) = (memory, model)
        }

        deinit { memory.state.update { $0.active[model, default: 1] -= 1 } }
    }

    private let loading: ModelLoading?
    private let state: Watched<State>

    init(_ loading: ModelLoading?) {
        self.loading = loading
        state = Watched(State(loaded: Set(loading?.atStart ?? [])))
    }

    public var now: State { state.value }

    /// The state as soon as the condition holds; waits forever if it never does.
    public func state(where isSatisfied: @escaping @Sendable (State) -> Bool) async throws -> State {
        try await state.value(where: isSatisfied)
    }

    /// Resets the memory after a boot.
    func begin() {
        state.update { $0.loaded = Set(loading?.atStart ?? []) }
    }

    /// Begins a call; loads a model that is not in memory, as Ollama does.
    func use(_ model: ModelID) async throws -> Use? {
        guard loading != nil else { return nil }
        let use = state.update { state in
            state.active[model, default: 0] += 1
            if !state.loaded.contains(model) { state.unexpectedLoads += 1 }
            return Use(self, model)
        }
        if !now.loaded.contains(model) { try await loadModel(model) }
        return use
    }

    func load(_ model: ModelID) async throws {
        state.update { $0.loads[model, default: 0] += 1 }
        try await loadModel(model)
    }

    func unload(_ model: ModelID) {
        state.update { state in
            state.unloads[model, default: 0] += 1
            if state.loaded.remove(model) != nil, state.active[model, default: 0] > 0 { state.cuts += 1 }
        }
    }

    private func loadModel(_ model: ModelID) async throws {
        guard let loading, !loading.broken.contains(model) else { throw NotAModel() }
        if loading.time > .zero { try await Task.sleep(for: loading.time) }
        _ = state.update { $0.loaded.insert(model) }
    }
}
