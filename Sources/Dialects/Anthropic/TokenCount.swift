public import SimpleAICore

extension AnthropicMessages {
    /// The response to `/v1/messages/count_tokens`, for models whose engine does not count: an estimate.
    ///
    /// - Throws: `invalidJSON`, or `invalidRequest` with the field's path as `param`, as for `/v1/messages`.
    public static func tokenCount(of request: MessagesRequest) throws(GatewayError) -> [UInt8] {
        Array("{\"input_tokens\":\(try estimatedTokens(of: request))}".utf8)
    }

    /// The estimated number of prompt tokens of a request: its texts (see `TokenEstimate`), what chat templates add to
    /// messages and tools, and a flat number for each image and document.
    public static func estimatedTokens(of request: MessagesRequest) throws(GatewayError) -> Int {
        // The checks are those of the translation.
        _ = try chatRequest(from: request)
        var count = TokenCounter()
        if let system = request.fields["system"] {
            count.tokens += TokenCounter.perMessage
            count.add(content: system)
        }
        for tool in request.fields["tools"]?.elements ?? [] { count.add(tool: tool) }
        for message in request.fields["messages"]?.elements ?? [] {
            count.tokens += TokenCounter.perMessage
            if let content = message["content"] { count.add(content: content) }
        }
        return max(1, count.tokens)
    }
}

/// Adds up the estimated tokens of a request.
struct TokenCounter {
    /// Role, separators and end of a message in usual chat templates.
    static let perMessage = 4
    /// The frame of a tool's description, of a call or of a result.
    static let perTool = 8
    /// An image of about one megapixel: (width × height) / 750, as Anthropic documents it.
    static let perImage = 1_600
    /// A few pages.
    static let perDocument = 5_000

    var tokens = 0

    mutating func add(content: JSONSlice) {
        if content.isString {
            tokens += TokenEstimate.tokens(ofJSON: content.stringContent)
        } else {
            for block in content.elements { add(block: block) }
        }
    }

    mutating func add(block: JSONSlice) {
        guard let type = block["type"] else { return }
        if type.isString("image") {
            tokens += Self.perImage
        } else if type.isString("document") {
            tokens += Self.perDocument
        } else if type.isString("tool_use") {
            tokens += Self.perTool
            add(text: block["name"])
            if let input = block["input"] { tokens += TokenEstimate.tokens(ofJSON: input.bytes) }
        } else if type.isString("tool_result") {
            tokens += Self.perTool
            if let content = block["content"] { add(content: content) }
        } else if let text = block["text"] {
            guard !text.stringContent.starts(with: ChatMessagesTranslation.billingHeader) else { return }
            add(text: text)
        } else {
            add(text: block["thinking"])
        }
    }

    mutating func add(tool: JSONSlice) {
        tokens += Self.perTool
        add(text: tool["name"])
        add(text: tool["description"])
        if let schema = tool["input_schema"] { tokens += TokenEstimate.tokens(ofJSON: schema.bytes) }
    }

    private mutating func add(text: JSONSlice?) {
        if let text { tokens += TokenEstimate.tokens(ofJSON: text.stringContent) }
    }
}
