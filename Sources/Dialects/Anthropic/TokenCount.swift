import SimpleAICore

extension AnthropicMessages {
    /// The response to `/v1/messages/count_tokens`, for models whose engine does not count: an estimate.
    public static func tokenCount(of request: MessagesRequest) -> [UInt8] {
        Array("{\"input_tokens\":\(estimatedTokens(of: request))}".utf8)
    }

    /// The estimated number of prompt tokens of a request: its texts (see `TokenEstimate`), what chat templates add to
    /// messages and tools, and a flat number for each image and each document that is not text. Values of wrong types count
    /// as absent; `check` refuses them.
    public static func estimatedTokens(of request: MessagesRequest) -> Int {
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
            tokens += TokenEstimate.tokens(ofJSON: BillingHeader.removed(from: content.stringContent))
        } else {
            for block in content.elements { add(block: block) }
        }
    }

    mutating func add(block json: JSONSlice) {
        guard let block = try? MessagesContentBlock(json, path: FieldPath("")) else { return }
        switch block.kind {
        case .image: tokens += Self.perImage
        case .document: add(document: block)
        case .toolUse:
            tokens += Self.perTool
            add(text: block.name)
            if let input = block.input { tokens += TokenEstimate.tokens(ofJSON: input.bytes) }
        case .toolResult:
            tokens += Self.perTool
            if let content = block.content { add(content: content) }
        case .searchResult:
            add(text: block.title)
            add(text: block.source)
            if let content = block.content { add(content: content) }
        case .text:
            if let text = block.text { add(content: text) }
        case .thinking, .other: add(text: block.text ?? block.thinking)
        }
    }

    private mutating func add(document block: MessagesContentBlock) {
        add(text: block.title)
        add(text: block.context)
        if let data = block.source?["data"], block.source?["type"]?.isString("text") ?? false {
            add(text: data)
        } else if let content = block.source?["content"] {
            add(content: content)
        } else {
            tokens += Self.perDocument
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
