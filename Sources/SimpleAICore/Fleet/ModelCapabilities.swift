import Synchronization

/// What a model can do, as its engine states it.
public enum ModelCapability: String, Hashable, Sendable, CaseIterable {
    case chat, embedding, rerank, speech, transcription, image, tools, vision, thinking

    /// The capability that engines call by this name; nil for an unknown one.
    ///
    /// Names of llama.cpp and Ollama (`completion`, `multimodal`), LM Studio (`llm`, `vlm`, `embeddings`, `tool_use`),
    /// Mistral (`completion_chat`, `function_calling`), Infinity (`embed`), Together (`chat`, `reranker`), and tasks of
    /// Hugging Face (`automatic-speech-recognition`), which audio servers state.
    package static func named(_ text: String) -> Set<ModelCapability> {
        switch text {
        case "chat", "completion", "completion_chat", "llm", "language", "text-generation", "generate": [.chat]
        case "vlm", "image-text-to-text": [.chat, .vision]
        case "vision", "multimodal": [.vision]
        case "tools", "tool_use", "function_calling": [.tools]
        case "thinking", "reasoning": [.thinking]
        case "embedding", "embeddings", "embed", "feature-extraction", "sentence-similarity": [.embedding]
        case "rerank", "reranker", "text-ranking": [.rerank]
        case "speech", "tts", "text-to-speech": [.speech]
        case "transcription", "transcribe", "stt", "automatic-speech-recognition": [.transcription]
        case "image", "text-to-image": [.image]
        default: []
        }
    }
}

/// Capabilities of each runner's models, as their engines state them: for clients that choose a model. No decision of the
/// gateway depends on them.
package final class ModelCapabilities: Sendable {
    /// By the engine's own id of the model; without models whose engine states nothing.
    package typealias Stated = [EngineModelID: Set<ModelCapability>]

    private let stated = Mutex<[RunnerID: Stated]>([:])

    package init() {}

    /// Replaces the capabilities of a runner's models.
    package func put(_ capabilities: Stated, of runner: RunnerID) {
        stated.withLock { $0[runner] = capabilities.isEmpty ? nil : capabilities }
    }

    package func remove(_ runner: RunnerID) { stated.withLock { $0[runner] = nil } }

    package var all: [RunnerID: Stated] { stated.withLock { $0 } }

    /// The capabilities that one entry of an engine's model list states; empty if it states none.
    package static func capabilities(in entry: JSONSlice) -> Set<ModelCapability> {
        var found: Set<ModelCapability> = []
        func add(_ names: [String]) { for name in names { found.formUnion(ModelCapability.named(name)) } }
        if let list = entry["capabilities"] {
            if list.isObject {
                list.forEachMember { key, value in
                    if value.bytes.elementsEqual("true".utf8) { add([JSONString.decode(key)]) }
                }
            } else {
                add(list.elements.compactMap(\.string))
            }
        }
        add(["type", "task"].compactMap { entry[$0]?.string })
        // OpenRouter and llama.cpp.
        let architecture = entry["architecture"]
        let inputs = architecture?["input_modalities"]?.elements.compactMap(\.string) ?? []
        let outputs = architecture?["output_modalities"]?.elements.compactMap(\.string) ?? []
        if outputs.contains("text") { found.insert(.chat) }
        if inputs.contains("image"), outputs.contains("text") { found.insert(.vision) }
        if entry["supported_parameters"]?.elements.contains(where: { $0.string == "tools" }) ?? false {
            found.insert(.tools)
        }
        return found
    }
}
