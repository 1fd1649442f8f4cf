import SimpleAICore

/// Writes the events of a message stream.
struct MessageEvents {
    enum BlockKind: Hashable, Sendable { case text, thinking, tool }

    var output = MessageBytes()

    mutating func start(messageID: String, model: String) {
        output.write("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":")
        output.write(string: messageID)
        output.write(",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
        output.write(string: model)
        output.write(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":")
        output.write(usage: nil)
        output.write("}}\n\n")
    }

    mutating func startBlock(_ index: Int, _ kind: BlockKind, id: [UInt8] = [], name: [UInt8] = []) {
        output.write("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":")
        output.write(number: index)
        switch kind {
        case .text: output.write(",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n")
        case .thinking:
            output.write(",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n")
        case .tool:
            output.write(",\"content_block\":{\"type\":\"tool_use\",\"id\":\"")
            output.write(id[...])
            output.write("\",\"name\":\"")
            output.write(name[...])
            output.write("\",\"input\":{}}}\n\n")
        }
    }

    /// The bytes of a delta before its piece.
    static func deltaStart(_ index: Int, _ kind: BlockKind) -> [UInt8] {
        let delta =
            switch kind {
            case .text: "\"text_delta\",\"text\":\""
            case .thinking: "\"thinking_delta\",\"thinking\":\""
            case .tool: "\"input_json_delta\",\"partial_json\":\""
            }
        return Array(
            """
            event: content_block_delta
            data: {"type":"content_block_delta","index":\(index),"delta":{"type":\(delta)
            """.utf8)
    }

    /// The bytes of a delta after its piece.
    static let deltaEnd = Array("\"}}\n\n".utf8)

    mutating func stopBlock(_ index: Int, _ kind: BlockKind) {
        if kind == .thinking {
            // Clients wait for the signature of a thinking block; only Anthropic's servers can sign.
            output.write("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
            output.write(number: index)
            output.write(",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"\"}}\n\n")
        }
        output.write("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":")
        output.write(number: index)
        output.write("}\n\n")
    }

    mutating func end(_ reason: MessageStopReason, hasToolCalls: Bool, usage: TokenUsage?) {
        output.write("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{")
        reason.write(to: &output, hasToolCalls: hasToolCalls)
        output.write("},\"usage\":")
        output.write(usage: usage)
        output.write("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    }
}
