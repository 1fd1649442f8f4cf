/// `/v1/responses`: one message with one text, as a document or as the named events of this endpoint.
struct ResponsesFormat: ResponseFormat {
    private let envelope: ResponseEnvelope
    private let itemID: JSONText

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
        itemID = .string("msg_" + envelope.id)
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        response(
            status: simulatedResponse.isCutShort ? "incomplete" : "completed",
            incomplete: simulatedResponse.isCutShort ? ["reason": "max_output_tokens"] : nil,
            output: [item(simulatedResponse.text, status: simulatedResponse.isCutShort ? "incomplete" : "completed")],
            usage: [
                "input_tokens": .integer(envelope.promptTokens),
                "input_tokens_details": ["cached_tokens": 0],
                "output_tokens": .integer(simulatedResponse.tokens.count),
                "output_tokens_details": ["reasoning_tokens": 0],
                "total_tokens": .integer(envelope.promptTokens + simulatedResponse.tokens.count),
            ])
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        let started = response(status: "in_progress", incomplete: nil, output: [], usage: nil)
        return [
            event("response.created", 0, [("response", started)]),
            event("response.in_progress", 1, [("response", started)]),
            event(
                "response.output_item.added", 2,
                [("output_index", 0), ("item", item(nil, status: "in_progress"))]),
            event("response.content_part.added", 3, place + [("part", part(""))]),
        ]
    }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        simulatedResponse.tokens.enumerated().map { index, text in
            [event("response.output_text.delta", 4 + index, place + [("delta", .string(text)), ("logprobs", [])])]
        }
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        let next = 4 + simulatedResponse.tokens.count
        let text = simulatedResponse.text
        let end = simulatedResponse.isCutShort ? "incomplete" : "completed"
        return [
            event("response.output_text.done", next, place + [("text", .string(text)), ("logprobs", [])]),
            event("response.content_part.done", next + 1, place + [("part", part(text))]),
            event("response.output_item.done", next + 2, [("output_index", 0), ("item", item(text, status: end))]),
            event("response." + end, next + 3, [("response", document(simulatedResponse))]),
        ]
    }

    private var place: [(String, JSONText)] {
        [("item_id", itemID), ("output_index", 0), ("content_index", 0)]
    }

    private func event(_ name: String, _ number: Int, _ members: [(String, JSONText)]) -> StreamPart {
        StreamPart(
            name: name, .object([("type", .string(name)), ("sequence_number", .integer(number))] + members))
    }

    private func item(_ text: String?, status: String) -> JSONText {
        [
            "id": itemID, "type": "message", "role": "assistant", "status": .string(status),
            "content": .array(text.map { [part($0)] } ?? []),
        ]
    }

    private func part(_ text: String) -> JSONText {
        ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
    }

    private func response(status: JSONText, incomplete: JSONText, output: JSONText, usage: JSONText) -> JSONText {
        [
            "id": .string("resp_" + envelope.id), "object": "response", "created_at": .integer(envelope.created),
            "status": status, "error": nil, "incomplete_details": incomplete, "instructions": nil, "metadata": [:],
            "model": .string(envelope.model), "output": output, "parallel_tool_calls": true,
            "temperature": 1, "tool_choice": "auto", "tools": [], "top_p": 1, "usage": usage,
        ]
    }
}
