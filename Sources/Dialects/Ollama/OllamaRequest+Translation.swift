public import SimpleAICore

extension OllamaRequest {
    /// A request for an engine that speaks OpenAI's API.
    public struct Translation: Sendable {
        /// `/v1/chat/completions`; `/v1/completions` for a prompt that no template may change, and for insertion;
        /// `/v1/embeddings`.
        public let endpoint: Endpoint
        /// The body; its `model` is the caller's.
        public let body: [UInt8]
        /// The fields without an equivalent, for a log line: at most a few dozen names.
        public let droppedFields: [String]
    }

    /// Reads and translates a request.
    public static func chatRequest(
        from body: ArraySlice<UInt8>, endpoint: OllamaEndpoint = .chat
    ) throws(GatewayError) -> Translation {
        try OllamaRequest(body, endpoint: endpoint).translation()
    }

    /// The endpoint of an engine that speaks OpenAI's API.
    public var translatedEndpoint: Endpoint {
        switch endpoint {
        case .embed, .embeddings: .embeddings
        case .generate where isRaw || hasSuffix: .completions
        default: .chatCompletions
        }
    }

    /// - Parameter sendsThink: false for an engine that refuses the arguments of chat templates: vLLM with a tokenizer
    ///   of Mistral answers 400 to them (see `refusesThink`).
    public func translation(sendsThink: Bool = true) throws(GatewayError) -> Translation {
        var dropped = fields.unknown + options.dropped
        if fields["keep_alive"] != nil { dropped.append("keep_alive") }
        var writer = OllamaWriter(capacity: size + 512)
        writer.beginObject()
        writer.key("model")
        writer.string(model ?? "")
        if translatedEndpoint == .embeddings {
            dropped += try writeEmbeddings(to: &writer)
        } else {
            dropped += try writeCompletion(to: &writer, sendsThink: sendsThink)
        }
        writer.endObject()
        return Translation(endpoint: translatedEndpoint, body: writer.bytes, droppedFields: dropped)
    }

    /// Whether an engine's error states that it accepts no arguments of chat templates.
    public static func refusesThink(_ error: EngineError) -> Bool {
        ["chat_template", "enable_thinking", "reasoning_effort"].contains { error.mentions($0) }
    }

    private var isRaw: Bool { fields["raw"].flatMap(OllamaFields.bool) ?? false }
    private var hasSuffix: Bool { fields["suffix"].map { !$0.isEmpty } ?? false }

    /// - Returns: the names of the dropped fields.
    private func writeCompletion(to writer: inout OllamaWriter, sendsThink: Bool) throws(GatewayError) -> [String] {
        var dropped: [String] = []
        let isChat = translatedEndpoint == .chatCompletions
        for key in ["template", "context"] where fields[key].map({ !$0.isEmpty }) ?? false { dropped.append(key) }
        if isChat {
            writer.key("messages")
            writer.beginArray()
            if endpoint == .chat { try writeMessages(to: &writer) } else { writePromptAsMessages(to: &writer) }
            writer.endArray()
        } else {
            writePrompt(to: &writer)
            for key in ["system", "images"] where fields[key].map({ !$0.isEmpty }) ?? false { dropped.append(key) }
        }
        let tools = try fields.list("tools")
        if !tools.isEmpty {
            writer.key("tools")
            writer.beginArray()
            for (index, tool) in tools.enumerated() {
                try OllamaTool(tool, field: "tools[\(index)]").write(to: &writer)
            }
            writer.endArray()
        }
        options.write(to: &writer)
        format?.write(to: &writer)
        if let think {
            if isChat && sendsThink { think.write(to: &writer) } else { dropped.append("think") }
        }
        dropped += try writeLogprobs(to: &writer, isChat: isChat)
        writer.key("stream")
        writer.bool(streams)
        if streams {
            writer.key("stream_options")
            writer.beginObject()
            writer.key("include_usage")
            writer.bool(true)
            writer.endObject()
        }
        return dropped
    }

    private func writeMessages(to writer: inout OllamaWriter) throws(GatewayError) {
        var ids = OllamaToolCallIDs()
        for (index, message) in messages.enumerated() {
            let message = try OllamaMessage(message, field: "messages[\(index)]")
            message.write(to: &writer, ids: &ids)
        }
    }

    private func writePromptAsMessages(to writer: inout OllamaWriter) {
        if let system = fields["system"], !system.isEmpty {
            writer.beginObject()
            writer.key("role")
            writer.string("system")
            writer.key("content")
            writer.raw(system.bytes)
            writer.endObject()
        }
        writer.beginObject()
        writer.key("role")
        writer.string("user")
        writer.key("content")
        OllamaMessage.write(content: fields["prompt"], images: images, to: &writer)
        writer.endObject()
    }

    private func writePrompt(to writer: inout OllamaWriter) {
        writer.key("prompt")
        if let prompt = fields["prompt"] { writer.raw(prompt.bytes) } else { writer.string("") }
        guard hasSuffix, let suffix = fields["suffix"] else { return }
        writer.key("suffix")
        writer.raw(suffix.bytes)
    }

    /// Only chat completions describe the probabilities of tokens as Ollama does.
    private func writeLogprobs(to writer: inout OllamaWriter, isChat: Bool) throws(GatewayError) -> [String] {
        guard try fields.bool("logprobs") == true else { return [] }
        guard isChat else { return ["logprobs"] }
        writer.key("logprobs")
        writer.bool(true)
        if let count = try fields.integer("top_logprobs"), count > 0 {
            writer.key("top_logprobs")
            writer.integer(count)
        }
        return []
    }

    private func writeEmbeddings(to writer: inout OllamaWriter) throws(GatewayError) -> [String] {
        writer.key("input")
        if let input = endpoint == .embed ? fields["input"] : fields["prompt"] {
            writer.raw(input.bytes)
        } else {
            writer.string("")
        }
        if let dimensions = try fields.integer("dimensions"), dimensions > 0 {
            writer.key("dimensions")
            writer.integer(dimensions)
        }
        return try fields.bool("truncate") == false ? [] : fields["truncate"].map { _ in ["truncate"] } ?? []
    }
}
