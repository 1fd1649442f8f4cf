import SimpleAICore

/// The parts of a stream's lines that do not depend on the engine, for `/api/chat` and `/api/generate`.
struct OllamaLines: Sendable {
    /// The bytes before the token of the time.
    private let head: [UInt8]
    /// The bytes between the token of the time and that of a text, or of reasoning.
    let textStart, thinkingStart: [UInt8]
    /// The bytes after the token.
    private let end: [UInt8]

    private let endpoint: OllamaEndpoint
    private let model: String

    init(endpoint: OllamaEndpoint, model: String) {
        self.endpoint = endpoint
        self.model = model
        head = Array("{\"model\":\(JSONString.encode(model)),\"created_at\":".utf8)
        let isChat = endpoint != .generate
        let text = isChat ? ",\"message\":{\"role\":\"assistant\",\"content\":" : ",\"response\":"
        end = Array((isChat ? "},\"done\":false}\n" : ",\"done\":false}\n").utf8)
        textStart = Array(text.utf8)
        thinkingStart = Array((text + "\"\",\"thinking\":").utf8)
    }

    /// A line with only one text or reasoning.
    /// - Parameters:
    ///   - start: `textStart` or `thinkingStart`.
    ///   - content: the content of a string token without line breaks.
    func line(created: String, start: [UInt8], content: ArraySlice<UInt8>) -> [UInt8] {
        let created = JSONString.encode(created).utf8
        var line: [UInt8] = []
        line.reserveCapacity(head.count + created.count + start.count + content.count + end.count + 2)
        line += head
        line += created
        line += start
        line.append(UInt8(ascii: "\""))
        line += content
        line.append(UInt8(ascii: "\""))
        line += end
        return line
    }

    /// A line with text, reasoning or tool calls; nil stands for none.
    func piece(
        created: String, text: JSONSlice? = nil, plainText: String? = nil, thinking: JSONSlice? = nil,
        calls: [OllamaToolCall] = [], logprobs: JSONSlice? = nil
    ) -> [UInt8] {
        var writer = OllamaWriter(capacity: head.count + 192)
        beginLine(&writer, created: created)
        if endpoint != .generate {
            writer.key("message")
            writer.beginObject()
            writer.key("role")
            writer.string("assistant")
        }
        writer.key(endpoint == .generate ? "response" : "content")
        if let text { writer.text(text) } else { writer.string(plainText ?? "") }
        if let thinking {
            writer.key("thinking")
            writer.text(thinking)
        }
        if endpoint != .generate {
            OllamaToolCall.write(calls, to: &writer)
            writer.endObject()
        }
        if let logprobs {
            writer.key("logprobs")
            writer.raw(logprobs.bytes)
        }
        writer.key("done")
        writer.bool(false)
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    /// The last line of a stream.
    func last(created: String, reason: String, usage: TokenUsage?, durations: ResponseDurations) -> [UInt8] {
        var writer = OllamaWriter(capacity: head.count + 384)
        beginLine(&writer, created: created)
        if endpoint == .generate {
            writer.key("response")
            writer.string("")
        } else {
            writer.key("message")
            writer.beginObject()
            writer.key("role")
            writer.string("assistant")
            writer.key("content")
            writer.string("")
            writer.endObject()
        }
        Self.writeEnd(to: &writer, reason: reason, usage: usage, durations: durations)
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    private func beginLine(_ writer: inout OllamaWriter, created: String) {
        writer.beginObject()
        writer.key("model")
        writer.string(model)
        writer.key("created_at")
        writer.string(created)
    }

    /// Writes the members that only the end of a response has.
    static func writeEnd(
        to writer: inout OllamaWriter, reason: String, usage: TokenUsage?, durations: ResponseDurations
    ) {
        writer.key("done")
        writer.bool(true)
        writer.key("done_reason")
        writer.string(reason)
        let numbers: [(StaticString, Int?)] = [
            ("total_duration", ResponseDurations.nanoseconds(durations.total)),
            ("load_duration", durations.load.map(ResponseDurations.nanoseconds)),
            ("prompt_eval_count", usage?.prompt),
            ("prompt_eval_duration", durations.promptEvaluation.map(ResponseDurations.nanoseconds)),
            ("eval_count", usage?.completion),
            ("eval_duration", durations.evaluation.map(ResponseDurations.nanoseconds)),
        ]
        for (name, number) in numbers {
            guard let number else { continue }
            writer.key(name)
            writer.integer(number)
        }
    }

    /// The `done_reason` for a `finish_reason`. Ollama has no reason of its own for tool calls.
    static func doneReason(for finishReason: String?) -> String {
        switch finishReason {
        case nil, "", "null", "tool_calls", "function_call", "eos", "eos_token": "stop"
        case "max_tokens": "length"
        case .some(let reason): EngineText.clean(reason) ?? "stop"
        }
    }
}
