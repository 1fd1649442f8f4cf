/// `/v1/completions`.
struct CompletionFormat: AnswerFormat {
    private let envelope: AnswerEnvelope

    init(_ envelope: AnswerEnvelope) {
        self.envelope = envelope
    }

    func document(_ answer: SimulatedAnswer) -> JSONText {
        completion(answer.text, finishReason: answer.finishReason, usage: envelope.usage(answer))
    }

    func opening(_ answer: SimulatedAnswer) -> [ServerSentEvent] { [] }

    func token(_ text: String, at index: Int) -> [ServerSentEvent] {
        [ServerSentEvent(completion(text, finishReason: nil, usage: nil))]
    }

    func closing(_ answer: SimulatedAnswer) -> [ServerSentEvent] {
        let usage = envelope.includesUsage ? envelope.usage(answer) : nil
        return [ServerSentEvent(completion("", finishReason: answer.finishReason, usage: usage)), .done]
    }

    private func completion(_ text: String, finishReason: JSONText, usage: JSONText) -> JSONText {
        [
            "id": .string("cmpl-" + envelope.id), "object": "text_completion", "created": .integer(envelope.created),
            "model": .string(envelope.model), "system_fingerprint": AnswerEnvelope.fingerprint,
            "choices": [["index": 0, "text": .string(text), "logprobs": nil, "finish_reason": finishReason]],
            "usage": usage,
        ]
    }
}
