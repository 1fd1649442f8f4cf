/// `/v1/completions`.
struct CompletionFormat: ResponseFormat {
    private let envelope: ResponseEnvelope

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        completion(
            simulatedResponse.text, finishReason: simulatedResponse.finishReason,
            usage: envelope.usage(simulatedResponse))
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] { [] }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        simulatedResponse.tokens.map { [StreamPart(completion($0, finishReason: nil, usage: nil))] }
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        let usage = envelope.includesUsage ? envelope.usage(simulatedResponse) : nil
        return [StreamPart(completion("", finishReason: simulatedResponse.finishReason, usage: usage)), .done]
    }

    private func completion(_ text: String, finishReason: JSONText, usage: JSONText) -> JSONText {
        [
            "id": .string("cmpl-" + envelope.id), "object": "text_completion", "created": .integer(envelope.created),
            "model": .string(envelope.model), "system_fingerprint": ResponseEnvelope.fingerprint,
            "choices": [["index": 0, "text": .string(text), "logprobs": nil, "finish_reason": finishReason]],
            "usage": usage,
        ]
    }
}
