public import NIOHTTP1

/// The header field with which the gateway sends an agent the model of a form, as the form names it: the agent can choose the
/// engine without holding the form up to its field `model`, which may be the last one. Agents that do not know it read the
/// form, and no engine receives it.
public enum AgentRequest {
    public static let modelField = "x-simpleai-engine-model"

    /// In bytes.
    private static let maxLength = 512

    /// Adds the field, unless the name is one that a field cannot carry unchanged.
    public static func add(model: String, to headers: inout HTTPHeaders) {
        let bytes = model.utf8
        guard !bytes.isEmpty, bytes.count <= maxLength, bytes.allSatisfy({ 0x21...0x7E ~= $0 }) else { return }
        headers.add(name: modelField, value: model)
    }
}
