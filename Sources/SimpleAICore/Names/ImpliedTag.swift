/// The tag that Ollama's model names imply: `llama3.2` means `llama3.2:latest`, and its list names the latter.
///
/// An engine that lists an id with this tag is asked for that very id, so it does not have to know the rule itself. The
/// rule never works the other way: to an engine that lists `m`, `m:latest` is another model.
public enum ImpliedTag {
    private static let tag = ":latest"

    /// The id without the tag, which means the same; nil for an id that does not end in it.
    public static func shortID(of model: EngineModelID) -> ModelID? {
        let bytes = model.rawValue.utf8
        guard bytes.count > tag.utf8.count, bytes.suffix(tag.utf8.count).elementsEqual(tag.utf8) else { return nil }
        return ModelID(String(decoding: bytes.dropLast(tag.utf8.count), as: UTF8.self))
    }

    /// The id that an engine may list for one without a tag.
    public static func fullID(of model: EngineModelID) -> EngineModelID { EngineModelID(model.rawValue + tag) }

    /// Whether a public id stands beside the listed id that it means.
    public static func implies(_ model: ModelID, in models: [ModelID: EngineModelID]) -> Bool {
        guard let engineModel = models[model], shortID(of: engineModel) == model else { return false }
        return models[ModelID(engineModel.rawValue)] == engineModel
    }
}
