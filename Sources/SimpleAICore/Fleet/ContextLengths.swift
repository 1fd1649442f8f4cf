import Synchronization

/// Context lengths in tokens of each runner's models, as their engines state them: for clients that limit their
/// prompts. No decision of the gateway depends on them.
package final class ContextLengths: Sendable {
    /// By the engine's own id of the model.
    package typealias Stated = [EngineModelID: Int]

    private let stated: Mutex<[RunnerID: Stated]>

    package init(_ remembered: [RunnerID: Stated] = [:]) {
        stated = Mutex(remembered)
    }

    /// Replaces the context lengths of a runner's models.
    /// - Returns: whether they have changed.
    @discardableResult
    package func put(_ lengths: Stated, of runner: RunnerID) -> Bool {
        stated.withLock { all in
            guard all[runner] ?? [:] != lengths else { return false }
            all[runner] = lengths.isEmpty ? nil : lengths
            return true
        }
    }

    package func remove(_ runner: RunnerID) {
        stated.withLock { $0[runner] = nil }
    }

    package var all: [RunnerID: Stated] { stated.withLock { $0 } }

    /// The length that one entry of an engine's model list states; nil for none. A configured length takes precedence
    /// over the model's maximum.
    package static func length(in entry: JSONSlice) -> Int? {
        let meta = entry["meta"]
        let candidates = [
            // LM Studio, and llama.cpp where it states its running configuration.
            entry["loaded_context_length"], meta?["n_ctx"],
            // vLLM and SGLang; OpenRouter, Together and agents of this protocol; Groq; LM Studio and Mistral.
            entry["max_model_len"], entry["context_length"], entry["context_window"], entry["max_context_length"],
            // llama.cpp: the length that the model was trained with.
            meta?["n_ctx_train"],
        ]
        return candidates.lazy.compactMap { $0?.integer }.first { (1...maxLength).contains($0) }
    }

    /// Larger numbers are not context lengths.
    private static let maxLength = 1 << 40
}
