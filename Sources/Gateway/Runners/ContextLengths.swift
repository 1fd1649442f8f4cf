import SimpleAICore
import Synchronization

/// How many tokens the models of each runner take, as their engines state it: for clients that limit their prompts.
/// Nothing in the gateway depends on it.
final class ContextLengths: Sendable {
    /// By the engine's own id of the model.
    typealias Stated = [EngineModelID: Int]

    private let stated: Mutex<[RunnerID: Stated]>

    init(_ remembered: [RunnerID: Stated] = [:]) {
        stated = Mutex(remembered)
    }

    /// What an engine states now, instead of what it stated before. What sleeps keeps its own.
    /// - Returns: whether it is different.
    @discardableResult
    func put(_ lengths: Stated, of runner: RunnerID) -> Bool {
        stated.withLock { all in
            guard all[runner] ?? [:] != lengths else { return false }
            all[runner] = lengths.isEmpty ? nil : lengths
            return true
        }
    }

    func remove(_ runner: RunnerID) {
        stated.withLock { $0[runner] = nil }
    }

    var all: [RunnerID: Stated] { stated.withLock { $0 } }

    /// What one entry of an engine's model list states; nil for none. A length in use goes before one that is possible.
    static func length(in entry: JSONSlice) -> Int? {
        let meta = entry["meta"]
        let candidates = [
            // LM Studio, and llama.cpp where it tells what it runs with.
            entry["loaded_context_length"], meta?["n_ctx"],
            // vLLM and SGLang; OpenRouter, Together and agents of this protocol; Groq; LM Studio and Mistral.
            entry["max_model_len"], entry["context_length"], entry["context_window"], entry["max_context_length"],
            // llama.cpp: what the model was trained with.
            meta?["n_ctx_train"],
        ]
        return candidates.lazy.compactMap { $0?.integer }.first { (1...maxLength).contains($0) }
    }

    /// Beyond this a number is no length of a context.
    private static let maxLength = 1 << 40
}
