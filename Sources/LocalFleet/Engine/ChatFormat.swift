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
                    "message": ["role": "assistant", "content": .string(simulatedResponse.text), "refusal": nil],
                    "logprobs": nil,
                    "finish_reason": simulatedResponse.finishReason,
                ]
            ],
            "usage": envelope.usage(simulatedResponse),
        ]
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [ServerSentEvent] {
        [chunk(choice(["role": "assistant", "content": ""], finishReason: nil))]
    }

    func token(_ text: String, at index: Int) -> [ServerSentEvent] {
        [chunk(choice(["content": .string(text)], finishReason: nil))]
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [ServerSentEvent] {
        var events = [chunk(choice([:], finishReason: simulatedResponse.finishReason))]
        if envelope.includesUsage { events.append(chunk([], usage: envelope.usage(simulatedResponse))) }
        return events + [.done]
    }

    private func choice(_ delta: JSONText, finishReason: JSONText) -> JSONText {
        [["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finishReason]]
    }

    private func chunk(_ choices: JSONText, usage: JSONText = nil) -> ServerSentEvent {
        var members: [(String, JSONText)] = [
            ("id", id), ("object", "chat.completion.chunk"), ("created", .integer(envelope.created)),
            ("model", .string(envelope.model)), ("system_fingerprint", ResponseEnvelope.fingerprint),
            ("choices", choices),
        ]
        // If the request asks for usage, every chunk has the key, and only the last one a value.
        if envelope.includesUsage { members.append(("usage", usage)) }
        return ServerSentEvent(.object(members))
    }
}

extension SimulatedResponse {
    /// The finish reason of chats and completions.
    var finishReason: JSONText { isCutShort ? "length" : "stop" }
}
