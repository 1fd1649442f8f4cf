import SimpleAICore

/// The member `options` of a request: parameters of sampling, which chat completions name otherwise, and of loading, which
/// only Ollama has.
struct OllamaOptions: Sendable {
    /// `num_predict`; nil without a limit (0 and negative numbers in Ollama).
    let maxTokens: Int?
    private let topK: Int?
    private let seed: Int?
    /// Numbers that are copied, by their names in chat completions.
    private var numbers: [(name: StaticString, value: JSONSlice)] = []
    private let stop: JSONSlice?
    /// Options without an equivalent, such as `options.num_ctx`.
    let dropped: [String]

    private static let copied: [(key: String, names: [StaticString])] = [
        ("temperature", ["temperature"]), ("top_p", ["top_p"]), ("min_p", ["min_p"]),
        ("presence_penalty", ["presence_penalty"]), ("frequency_penalty", ["frequency_penalty"]),
        // vLLM and SGLang know the first name, llama.cpp the second; each ignores the other.
        ("repeat_penalty", ["repetition_penalty", "repeat_penalty"]),
    ]

    init(_ value: JSONSlice?) throws(GatewayError) {
        let fields = OllamaFields(
            value ?? JSONSlice(checked: []), known: Self.copied.map(\.key) + ["num_predict", "top_k", "seed", "stop"],
            path: "options.")
        let limit = try fields.integer("num_predict")
        maxTokens = limit.flatMap { $0 > 0 ? $0 : nil }
        topK = try fields.integer("top_k")
        seed = try fields.integer("seed")
        stop = try fields.strings("stop")
        for (key, names) in Self.copied {
            guard let number = try fields.number(key) else { continue }
            numbers += names.map { ($0, number) }
        }
        dropped = fields.unknown.map { "options.\($0)" }
    }

    /// Writes the members of a chat completion request.
    func write(to writer: inout OllamaWriter) {
        for (name, value) in numbers {
            writer.key(name)
            writer.raw(value.bytes)
        }
        for (name, value) in [("top_k", topK), ("seed", seed), ("max_tokens", maxTokens)] as [(StaticString, Int?)] {
            guard let value else { continue }
            writer.key(name)
            writer.integer(value)
        }
        if let stop {
            writer.key("stop")
            writer.raw(stop.bytes)
        }
    }
}

/// The member `format`: `"json"`, or a JSON schema.
enum OllamaFormat: Sendable {
    case json
    case schema(JSONSlice)

    /// Nil for an absent or empty format.
    static func read(_ fields: OllamaFields) throws(GatewayError) -> OllamaFormat? {
        guard let value = fields["format"] else { return nil }
        if value.isObject { return .schema(value) }
        guard let text = value.string else {
            throw fields.refusal(of: "format", "must be \"json\" or a JSON schema")
        }
        if text.isEmpty { return nil }
        guard text.isExactly("json") else { throw fields.refusal(of: "format", "must be \"json\" or a JSON schema") }
        return .json
    }

    /// Writes `response_format`.
    func write(to writer: inout OllamaWriter) {
        writer.key("response_format")
        writer.beginObject()
        writer.key("type")
        switch self {
        case .json: writer.string("json_object")
        case .schema(let schema):
            writer.string("json_schema")
            writer.key("json_schema")
            writer.beginObject()
            writer.key("name")
            writer.string("response")
            writer.key("schema")
            writer.raw(schema.bytes)
            writer.endObject()
        }
        writer.endObject()
    }
}

/// The member `think`: whether, or how much, the model reasons before it answers.
public enum OllamaThink: Hashable, Sendable {
    case enabled(Bool)
    case low, medium, high, max

    static func read(_ fields: OllamaFields) throws(GatewayError) -> OllamaThink? {
        guard let value = fields["think"] else { return nil }
        if let isEnabled = OllamaFields.bool(value) { return .enabled(isEnabled) }
        switch value.string {
        case "low": return .low
        case "medium": return .medium
        case "high": return .high
        case "max": return .max
        default:
            throw fields.refusal(of: "think", "must be true, false, \"low\", \"medium\", \"high\" or \"max\"")
        }
    }

    /// Writes the arguments of the chat template, which llama.cpp, vLLM and SGLang accept, and `reasoning_effort` for a
    /// level. Templates ignore arguments that they do not use: Qwen's reads `enable_thinking`, DeepSeek's and Granite's
    /// `thinking`, that of gpt-oss `reasoning_effort`.
    func write(to writer: inout OllamaWriter) {
        if let effort {
            writer.key("reasoning_effort")
            writer.string(effort)
        }
        writer.key("chat_template_kwargs")
        writer.beginObject()
        for name in ["enable_thinking", "thinking"] as [StaticString] {
            writer.key(name)
            writer.bool(self != .enabled(false))
        }
        if let effort {
            writer.key("reasoning_effort")
            writer.string(effort)
        }
        writer.endObject()
    }

    /// The level in chat completions. `max` is the highest level that all engines know.
    private var effort: String? {
        switch self {
        case .enabled: nil
        case .low: "low"
        case .medium: "medium"
        case .high, .max: "high"
        }
    }
}
