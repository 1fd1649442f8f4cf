/// `/v1/chat/completions`.
struct ChatFormat: ResponseFormat {
    private let envelope: ResponseEnvelope
    private let id: JSONText

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
        id = .string("chatcmpl-" + envelope.id)
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        [
            "id": id, "object": "chat.completion", "created": .integer(envelope.created),
            "model": .string(envelope.model), "system_fingerprint": ResponseEnvelope.fingerprint,
            "choices": [
                [
                    "index": 0,
                    "message": message(simulatedResponse),
                    "logprobs": nil,
                    "finish_reason": simulatedResponse.finishReason,
                ]
            ],
            "usage": envelope.usage(simulatedResponse),
        ]
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        [chunk(choice(["role": "assistant", "content": ""], finishReason: nil))]
    }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        let thinking = simulatedResponse.thinking.map { JSONText.object([("reasoning_content", .string($0))]) }
        let text = simulatedResponse.tokens.map { JSONText.object([("content", .string($0))]) }
        var deltas = thinking + text
        if let call = simulatedResponse.toolCall {
            deltas.append(["tool_calls": [toolCall(call, arguments: "", isDelta: true)]])
            deltas += call.argumentPieces.map {
                ["tool_calls": [["index": 0, "function": ["arguments": .string($0)]]]]
            }
        }
        return deltas.map { [chunk(choice($0, finishReason: nil))] }
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        var events = [chunk(choice([:], finishReason: simulatedResponse.finishReason))]
        if envelope.includesUsage { events.append(chunk([], usage: envelope.usage(simulatedResponse))) }
        return events + [.done]
    }

    private func message(_ simulatedResponse: SimulatedResponse) -> JSONText {
        var members: [(String, JSONText)] = [
            ("role", "assistant"), ("content", .string(simulatedResponse.text)), ("refusal", nil),
        ]
        // A field of vLLM, llama.cpp and others, which OpenAI does not define.
        if !simulatedResponse.thinking.isEmpty {
            members.append(("reasoning_content", .string(simulatedResponse.thinking.joined())))
        }
        if let call = simulatedResponse.toolCall {
            members.append(("tool_calls", [toolCall(call, arguments: call.arguments.text, isDelta: false)]))
        }
        return .object(members)
    }

    private func toolCall(_ call: ToolCall, arguments: String, isDelta: Bool) -> JSONText {
        .object(
            (isDelta ? [("index", 0)] : []) + [
                ("id", .string("call_" + envelope.id)), ("type", "function"),
                ("function", ["name": .string(call.name), "arguments": .string(arguments)]),
            ])
    }

    private func choice(_ delta: JSONText, finishReason: JSONText) -> JSONText {
        [["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finishReason]]
    }

    private func chunk(_ choices: JSONText, usage: JSONText = nil) -> StreamPart {
        var members: [(String, JSONText)] = [
            ("id", id), ("object", "chat.completion.chunk"), ("created", .integer(envelope.created)),
            ("model", .string(envelope.model)), ("system_fingerprint", ResponseEnvelope.fingerprint),
            ("choices", choices),
        ]
        // If the request asks for usage, every chunk has the key, and only the last one a value.
        if envelope.includesUsage { members.append(("usage", usage)) }
        return StreamPart(.object(members))
    }
}

extension SimulatedResponse {
    /// The finish reason of chats and completions.
    var finishReason: JSONText { isCutShort ? "length" : toolCall == nil ? "stop" : "tool_calls" }
}
