/// `/v1/messages` of Anthropic: blocks of thinking, text and a call of a tool, as a document or as named events.
struct MessagesFormat: ResponseFormat {
    private let envelope: ResponseEnvelope

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        message(
            content: blocks(simulatedResponse).map(\.whole), stopReason: stopReason(simulatedResponse),
            outputTokens: simulatedResponse.tokenCount)
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        [
            event("message_start", [("message", message(content: [], stopReason: nil, outputTokens: 1))]),
            event("ping", []),
        ]
    }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        var units: [[StreamPart]] = []
        for (index, block) in blocks(simulatedResponse).enumerated() {
            for (place, delta) in block.deltas.enumerated() {
                var unit: [StreamPart] = []
                if place == 0 {
                    unit.append(
                        event("content_block_start", [("index", .integer(index)), ("content_block", block.start)]))
                }
                unit.append(event("content_block_delta", [("index", .integer(index)), ("delta", delta)]))
                if place == block.deltas.count - 1 {
                    unit.append(event("content_block_stop", [("index", .integer(index))]))
                }
                units.append(unit)
            }
        }
        return units
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        [
            event(
                "message_delta",
                [
                    ("delta", ["stop_reason": stopReason(simulatedResponse), "stop_sequence": nil]),
                    ("usage", ["output_tokens": .integer(simulatedResponse.tokenCount)]),
                ]),
            event("message_stop", []),
        ]
    }

    /// A content block, whole and as the parts of a stream.
    private struct Block {
        let whole: JSONText
        let start: JSONText
        let deltas: [JSONText]
    }

    private func blocks(_ simulatedResponse: SimulatedResponse) -> [Block] {
        var blocks: [Block] = []
        if !simulatedResponse.thinking.isEmpty {
            let signature: JSONText = "c2ltdWxhdGVk"
            blocks.append(
                Block(
                    whole: [
                        "type": "thinking", "thinking": .string(simulatedResponse.thinking.joined()),
                        "signature": signature,
                    ],
                    start: ["type": "thinking", "thinking": "", "signature": ""],
                    deltas: simulatedResponse.thinking.map { ["type": "thinking_delta", "thinking": .string($0)] }
                        + [["type": "signature_delta", "signature": signature]]))
        }
        if !simulatedResponse.tokens.isEmpty {
            blocks.append(
                Block(
                    whole: ["type": "text", "text": .string(simulatedResponse.text)],
                    start: ["type": "text", "text": ""],
                    deltas: simulatedResponse.tokens.map { ["type": "text_delta", "text": .string($0)] }))
        }
        if let call = simulatedResponse.toolCall {
            let head: [(String, JSONText)] = [
                ("type", "tool_use"), ("id", .string("toolu_" + envelope.id)), ("name", .string(call.name)),
            ]
            blocks.append(
                Block(
                    whole: .object(head + [("input", call.arguments)]), start: .object(head + [("input", [:])]),
                    deltas: call.argumentPieces.map { ["type": "input_json_delta", "partial_json": .string($0)] }))
        }
        return blocks
    }

    private func stopReason(_ simulatedResponse: SimulatedResponse) -> JSONText {
        simulatedResponse.isCutShort ? "max_tokens" : simulatedResponse.toolCall == nil ? "end_turn" : "tool_use"
    }

    private func message(content: [JSONText], stopReason: JSONText, outputTokens: Int) -> JSONText {
        [
            "id": .string("msg_" + envelope.id), "type": "message", "role": "assistant",
            "model": .string(envelope.model), "content": .array(content), "stop_reason": stopReason,
            "stop_sequence": nil,
            "usage": [
                "input_tokens": .integer(envelope.promptTokens), "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0, "output_tokens": .integer(outputTokens),
            ],
        ]
    }

    private func event(_ name: String, _ members: [(String, JSONText)]) -> StreamPart {
        StreamPart(name: name, .object([("type", .string(name))] + members))
    }
}
