public import SimpleAICore

/// A request to run a model in Ollama's API: `/api/chat`, `/api/generate`, `/api/embed` or `/api/embeddings`.
///
/// Fields that are read are checked strictly, before the request reaches an engine that is native or translated to;
/// unknown fields are ignored.
public struct OllamaRequest: Sendable {
    /// What a request asks for.
    public enum Purpose: Hashable, Sendable {
        /// A completion, or embeddings.
        case inference
        /// To load the model: a request without input. The gateway finds and wakes a runner as for a completion, and
        /// then sends `OllamaResponse.withoutInput`; a native engine may receive the request.
        case load
        /// To free the model's memory: a request without input and with `keep_alive` 0. Other callers may use the model,
        /// so the gateway decides; it sends `OllamaResponse.withoutInput` without waking anything.
        case unload
    }

    public let endpoint: OllamaEndpoint
    /// Nil if the field is absent or empty, which requests the default class.
    public let model: String?
    /// Whether the response is a stream of lines; the default depends on the endpoint.
    public let streams: Bool
    public let purpose: Purpose
    /// Maximum number of completion tokens; nil if the caller sets none.
    public var maxTokens: Int? { options.maxTokens }

    /// In bytes, of the body.
    let size: Int
    let fields: OllamaFields
    let options: OllamaOptions
    let format: OllamaFormat?
    let think: OllamaThink?
    /// The messages of a chat request; checked.
    let messages: [JSONSlice]
    let images: [OllamaImage]

    /// The keys that the gateway reads or writes in these requests, for the one list of all paths. Ollama reads keys
    /// without regard to case, so variants are refused.
    public static let keys = [
        "model", "messages", "prompt", "input", "stream", "options", "format", "think", "keep_alive", "images", "tools",
        "suffix", "system", "template", "raw", "context", "logprobs", "top_logprobs", "dimensions", "truncate",
    ]
    private static let scannerKeys = JSONScanner.Keys(refusingVariantsOf: keys)

    /// - Throws: `invalidJSON`, or `invalidRequest` with the name of the field.
    public init(_ body: ArraySlice<UInt8>, endpoint: OllamaEndpoint) throws(GatewayError) {
        let document = try Self.object(body)
        let fields = OllamaFields(document, known: Self.keys(of: endpoint))
        self.endpoint = endpoint
        self.fields = fields
        size = body.count
        model = try fields.nonEmptyToken("model")?.string
        streams = try fields.bool("stream") ?? endpoint.streamsByDefault
        options = try OllamaOptions(fields.object("options"))
        format = try OllamaFormat.read(fields)
        think = try OllamaThink.read(fields)
        images = try OllamaImage.list(fields)
        messages = try fields.list("messages")
        for (index, message) in messages.enumerated() { _ = try OllamaMessage(message, field: "messages[\(index)]") }
        try Self.check(fields)
        let isUnloading = try Self.keepsNothing(fields)
        guard try !Self.hasInput(fields, endpoint) else {
            purpose = .inference
            return
        }
        purpose = isUnloading && endpoint.streamsByDefault ? .unload : .load
    }

    private static func object(_ body: ArraySlice<UInt8>) throws(GatewayError) -> JSONSlice {
        var scanner = JSONScanner(watching: scannerKeys)
        do throws(JSONError) {
            try scanner.scan(body)
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard scanner.isObject else {
            throw GatewayError(.invalidRequest, "The request body must be a JSON object.")
        }
        let start = body.firstIndex { $0 > 0x20 } ?? body.endIndex
        return JSONSlice(checked: body[start...])
    }

    private static func keys(of endpoint: OllamaEndpoint) -> [String] {
        let shared = ["model", "stream", "options", "keep_alive"]
        let completion = ["format", "think", "logprobs", "top_logprobs"]
        switch endpoint {
        case .chat: return shared + completion + ["messages", "tools"]
        case .generate:
            return shared + completion + ["prompt", "images", "suffix", "system", "template", "raw", "context"]
        case .embed: return shared + ["input", "dimensions", "truncate"]
        default: return shared + ["prompt"]
        }
    }

    /// Checks the types of the remaining fields.
    private static func check(_ fields: OllamaFields) throws(GatewayError) {
        for key in ["suffix", "system", "template"] { _ = try fields.token(key) }
        _ = try fields.bool("truncate")
        _ = try fields.bool("logprobs")
        if let count = try fields.integer("top_logprobs"), !(0...20).contains(count) {
            throw fields.refusal(of: "top_logprobs", "must be between 0 and 20")
        }
        if let dimensions = try fields.integer("dimensions"), dimensions < 0 {
            throw fields.refusal(of: "dimensions", "must not be negative")
        }
        for (index, tool) in try fields.list("tools").enumerated() {
            _ = try OllamaTool(tool, field: "tools[\(index)]")
        }
        guard try fields.bool("raw") == true else { return }
        for key in ["system", "template", "context"] {
            guard let value = fields[key], !value.isEmpty else { continue }
            throw fields.refusal(of: key, "cannot be combined with \"raw\"")
        }
        if fields["images"]?.isEmptyList == false {
            throw fields.refusal(of: "images", "cannot be combined with \"raw\"")
        }
    }

    private static func hasInput(_ fields: OllamaFields, _ endpoint: OllamaEndpoint) throws(GatewayError) -> Bool {
        switch endpoint {
        case .chat: return fields["messages"]?.isEmptyList == false
        case .generate:
            let (prompt, suffix) = (try fields.nonEmptyToken("prompt"), try fields.nonEmptyToken("suffix"))
            return prompt != nil || suffix != nil || fields["images"]?.isEmptyList == false
        case .embed:
            guard let input = fields["input"] else { return false }
            if input.bytes.first == UInt8(ascii: "\"") { return !input.isEmpty }
            guard input.isArray else { throw fields.refusal(of: "input", "must be a string or a list of strings") }
            return try fields.strings("input") != nil
        default: return try fields.nonEmptyToken("prompt") != nil
        }
    }

    /// Whether `keep_alive` is zero: a number of seconds, or a duration such as `"0s"` (Go's `ParseDuration`).
    private static func keepsNothing(_ fields: OllamaFields) throws(GatewayError) -> Bool {
        guard let value = fields["keep_alive"] else { return false }
        guard value.bytes.first == UInt8(ascii: "\"") || OllamaFields.isNumber(value) else {
            throw fields.refusal(of: "keep_alive", "must be a number of seconds or a duration such as \"5m\"")
        }
        let digits = value.bytes.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return !digits.isEmpty && digits.allSatisfy { $0 == UInt8(ascii: "0") }
    }
}

/// A tool that the model may call; the same object as in chat completions, where `type` is required.
struct OllamaTool {
    private let function: JSONSlice

    init(_ value: JSONSlice, field: String) throws(GatewayError) {
        guard value.isObject else { throw OllamaFields.refusal(of: field, "must be an object") }
        let tool = OllamaFields(value, known: ["function"], path: field + ".")
        guard let function = try tool.object("function") else {
            throw tool.refusal(of: "function", "must be an object")
        }
        let fields = OllamaFields(function, known: ["name"], path: "\(field).function.")
        guard try fields.nonEmptyToken("name") != nil else {
            throw fields.refusal(of: "name", "must be the name of a function")
        }
        self.function = function
    }

    func write(to writer: inout OllamaWriter) {
        writer.beginObject()
        writer.key("type")
        writer.string("function")
        writer.key("function")
        writer.raw(function.bytes)
        writer.endObject()
    }
}
