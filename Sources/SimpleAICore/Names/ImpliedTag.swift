/// The tag that Ollama's model names imply: `llama3.2` means `llama3.2:latest`, the id in Ollama's list.
///
/// The gateway always requests the listed id, so engines do not have to know the rule. The reverse does not hold: to an
/// engine that lists `m`, `m:latest` is another model.
public enum ImpliedTag {
    private static let tag = ":latest"

    /// The equivalent id without the tag; nil if the id does not end in the tag.
    public static func shortID(of model: EngineModelID) -> ModelID? {
        let bytes = model.rawValue.utf8
        guard bytes.count > tag.utf8.count, bytes.suffix(tag.utf8.count).elementsEqual(tag.utf8) else { return nil }
        return ModelID(String(decoding: bytes.dropLast(tag.utf8.count), as: UTF8.self))
    }

    /// The id with the tag, under which an engine may list an id without one.
    public static func fullID(of model: EngineModelID) -> EngineModelID { EngineModelID(model.rawValue + tag) }

    /// Whether a public id is the short form of a listed id that `models` contains as well.
    public static func isShortForm(_ model: ModelID, in models: [ModelID: EngineModelID]) -> Bool {
        guard let engineModel = models[model], shortID(of: engineModel) == model else { return false }
        return models[ModelID(engineModel.rawValue)] == engineModel
    }
}
