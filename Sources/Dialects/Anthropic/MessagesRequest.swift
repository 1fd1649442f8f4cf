public import SimpleAICore

/// A request to `/v1/messages` or `/v1/messages/count_tokens`, checked. Fields that are read must have their documented
/// types; a null counts as absent. Other fields are not checked.
public struct MessagesRequest: Sendable {
    /// Maximum length of the model's name, in bytes.
    public static let maxModelLength = 512
    /// Maximum length of `metadata.user_id`, in bytes as written; Claude Code sends about 200.
    public static let maxUserLength = 4 << 10

    /// Maximum number of completion tokens; nil if the field `max_tokens` is absent.
    public let maxTokens: Int?
    /// `metadata.user_id`.
    public let user: String?
    /// Whether the client expects `thinking` blocks in the response.
    public let includesThinking: Bool

    let isStreaming: Bool
    /// The index of the body's first byte.
    let start: Int
    let body: JSONSlice
    let fields: [ExactString: JSONSlice]

    /// The fields that are read. Their variants are refused, because an engine that serves this API itself reads the
    /// same bytes.
    private static let read = [
        "model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "stop_sequences", "metadata",
        "temperature", "top_p", "top_k", "thinking", "output_config", "output_format",
    ]
    private static let keys = JSONScanner.Keys(refusingVariantsOf: read)

    /// - Parameter body: the whole body, as the client sent it.
    /// - Throws: `invalidJSON`, or `invalidRequest` with the field's path as `param`.
    public init(_ body: ArraySlice<UInt8>) throws(GatewayError) {
        var scanner = JSONScanner(watching: Self.keys)
        do throws(JSONError) {
            try scanner.scan(body)
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard scanner.isObject else {
            throw GatewayError(.invalidRequest, "The request body must be a JSON object.")
        }
        var fields: [ExactString: JSONSlice] = [:]
        for name in Self.read {
            guard let member = scanner.member(name), member.kind != .null else { continue }
            let range = body.startIndex + member.range.lowerBound..<body.startIndex + member.range.upperBound
            fields[ExactString(name)] = JSONSlice(checked: body[range])
        }
        start = body.startIndex
        self.body = JSONSlice(checked: body.drop { $0 <= 0x20 })
        self.fields = fields

        let model = try MessagesFieldChecks.string(fields["model"], "model")
        if let model, model.bytes.count > Self.maxModelLength + 2 {
            throw GatewayError(
                .invalidRequest, "The field \"model\" is longer than \(Self.maxModelLength) bytes.", param: "model")
        }
        isStreaming = try MessagesFieldChecks.boolean(fields["stream"], "stream")?.isTrue ?? false
        maxTokens = try MessagesFieldChecks.integer(fields["max_tokens"], "max_tokens", minimum: 1)
        let user = try MessagesFieldChecks.object(fields["metadata"], "metadata")?["user_id"]
        let userID = try MessagesFieldChecks.string(user, "metadata.user_id")
        if let userID, userID.bytes.count > Self.maxUserLength {
            throw GatewayError(
                .invalidRequest, "The field \"metadata.user_id\" is longer than \(Self.maxUserLength) bytes.",
                param: "metadata.user_id")
        }
        self.user = userID?.string
        let thinking = try MessagesFieldChecks.object(fields["thinking"], "thinking")
        let thinkingType = try MessagesFieldChecks.string(thinking?["type"], "thinking.type")
        includesThinking = thinkingType.map { !$0.isString("disabled") } ?? false
        try checkTypes()
    }

    /// Checks the fields whose values are only translated.
    private func checkTypes() throws(GatewayError) {
        guard let messages = fields["messages"], messages.isArray else {
            throw MessagesFieldChecks.error("messages", "an array")
        }
        guard !messages.isEmpty else { throw MessagesFieldChecks.error("messages", "an array of at least one message") }
        if let system = fields["system"], !system.isString, !system.isArray {
            throw MessagesFieldChecks.error("system", "a string or an array of content blocks")
        }
        _ = try MessagesFieldChecks.array(fields["tools"], "tools")
        _ = try MessagesFieldChecks.object(fields["tool_choice"], "tool_choice")
        _ = try MessagesFieldChecks.strings(fields["stop_sequences"], "stop_sequences")
        _ = try MessagesFieldChecks.number(fields["temperature"], "temperature")
        _ = try MessagesFieldChecks.number(fields["top_p"], "top_p")
        _ = try MessagesFieldChecks.integer(fields["top_k"], "top_k", minimum: 0)
        _ = try MessagesFieldChecks.object(fields["output_config"], "output_config")
        _ = try MessagesFieldChecks.object(fields["output_format"], "output_format")
    }

    /// The names of the top-level members that are not read.
    var otherMembers: [String] {
        var names: [String] = []
        body.forEachMember { key, value in
            let name = JSONString.decode(key)
            if !value.isNull, fields[ExactString(name)] == nil { names.append(name) }
        }
        return names
    }
}
