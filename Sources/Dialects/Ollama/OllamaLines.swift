import SimpleAICore

/// The parts of a stream's lines that do not depend on the engine, for `/api/chat` and `/api/generate`.
struct OllamaLines: Sendable {
    /// The bytes before and after the token of a text, and of reasoning.
    let textStart, textEnd, thinkingStart, thinkingEnd: [UInt8]

    private let endpoint: OllamaEndpoint
    private let model: String

    init(endpoint: OllamaEndpoint, model: String, created: String) {
        self.endpoint = endpoint
        self.model = model
        let head = "{\"model\":\(JSONString.encode(model)),\"created_at\":\(JSONString.encode(created)),"
        let isChat = endpoint != .generate
        let text = isChat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"response\":"
        let end = isChat ? "},\"done\":false}\n" : ",\"done\":false}\n"
        textStart = Array((head + text).utf8)
        textEnd = Array(end.utf8)
        thinkingStart = Array((head + text + "\"\",\"thinking\":").utf8)
        thinkingEnd = textEnd
    }

    /// A line with text, reasoning or tool calls; nil stands for none.
    func piece(
        created: String, text: JSONSlice? = nil, plainText: String? = nil, thinking: JSONSlice? = nil,
        calls: [OllamaToolCall] = [], logprobs: JSONSlice? = nil
    ) -> [UInt8] {
        var writer = OllamaWriter(capacity: textStart.count + 64)
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
        var writer = OllamaWriter(capacity: textStart.count + 256)
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
