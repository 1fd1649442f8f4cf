import NIOCore
import SimpleAICore

/// The models in an engine's response to a probe. Tolerates the differences between engines: `null` for an empty list, a
/// list without an object around it, other keys, entries without an id. A malformed entry does not affect the others.
struct EngineModelList: Hashable {
    static let maxModels = 4_096

    /// By the engine's own ids, in its order, each once.
    private(set) var models: [EngineModelID] = []
    /// Context length of each model in tokens, if the engine states it.
    private(set) var contextLengths: ContextLengths.Stated = [:]
    /// Capabilities of the models whose entries state some.
    private(set) var capabilities: ModelCapabilities.Stated = [:]
    /// Number of unusable entries.
    private(set) var skipped = 0
    /// Why the first of them is unusable.
    private(set) var problem: String?

    /// Nil if the body is not a list of models: a probe may use any path.
    init?(_ body: ByteBuffer) {
        guard let document = JSONSlice(document: Array(body.readableBytesView)[...]),
            let entries = Self.entries(in: document)
        else { return nil }
        var known: Set<EngineModelID> = []
        for entry in entries {
            do throws(Unusable) {
                let model = try Self.model(entry)
                guard !known.contains(model) else { continue }
                guard models.count < Self.maxModels else {
                    throw Unusable(reason: "the list exceeds \(Self.maxModels) models")
                }
                known.insert(model)
                models.append(model)
                contextLengths[model] = ContextLengths.length(in: entry)
                addCapabilities(of: model, entry)
            } catch {
                skipped += 1
                problem = problem ?? error.reason
            }
        }
        // llama.cpp states capabilities in a second list.
        guard document.isObject, document["data"] != nil else { return }
        for entry in document["models"]?.elements.prefix(Self.maxModels) ?? [] {
            if let model = try? Self.model(entry), known.contains(model) { addCapabilities(of: model, entry) }
        }
    }

    private mutating func addCapabilities(of model: EngineModelID, _ entry: JSONSlice) {
        let found = ModelCapabilities.capabilities(in: entry)
        if !found.isEmpty { capabilities[model, default: []].formUnion(found) }
    }

    private struct Unusable: Error {
        let reason: String
    }

    /// The list in `{"data": […]}` (OpenAI), `{"models": […]}` (Ollama's own API), or a document that is the list.
    private static func entries(in document: JSONSlice) -> [JSONSlice]? {
        let list = document.isObject ? document["data"] ?? document["models"] : document
        guard let list else { return nil }
        // Go encodes an empty list as null.
        if list.isNull { return document.isObject ? [] : nil }
        return list.isArray ? list.elements : nil
    }

    private static func model(_ entry: JSONSlice) throws(Unusable) -> EngineModelID {
        let text = entry.string ?? ["id", "model", "name"].lazy.compactMap { entry[$0]?.string }.first
        guard let text else { throw Unusable(reason: "an entry lacks a string id") }
        do throws(NameFault) {
            return try EngineModelID(checking: text)
        } catch {
            throw Unusable(reason: "an id \(error)")
        }
    }
}
