import SimpleAICore

/// Translates messages of the assistant: text, reasoning and calls of tools.
extension ChatMessagesTranslation {
    /// The content of a message of the assistant; texts are the contents of string tokens.
    private struct AssistantContent {
        var texts: [ArraySlice<UInt8>] = []
        var reasoning: [ArraySlice<UInt8>] = []
        var calls: [(id: JSONSlice, name: JSONSlice, input: JSONSlice?)] = []
    }

    mutating func translateAssistant(_ content: JSONSlice, _ path: FieldPath) throws(GatewayError) {
        write(try readAssistant(content, path))
    }

    private mutating func readAssistant(
        _ content: JSONSlice, _ path: FieldPath
    ) throws(GatewayError) -> AssistantContent {
        var found = AssistantContent()
        if let blocks = try MessagesFieldChecks.blocks(content, path) {
            for (index, element) in blocks.enumerated() {
                let block = try MessagesContentBlock(element, path: path.element(index))
                recordOthers(block, "messages[].content[]")
                switch block.kind {
                case .text: found.texts.append(try block.requiredText())
                case .thinking:
                    let thinking = try MessagesFieldChecks.requiredString(block.thinking, "\(block.path).thinking")
                    found.reasoning.append(thinking.stringContent)
                case .toolUse:
                    let id = try MessagesFieldChecks.requiredString(block.id, "\(block.path).id")
                    let name = try MessagesFieldChecks.requiredString(block.name, "\(block.path).name")
                    let input = try MessagesFieldChecks.object(block.input, "\(block.path).input")
                    found.calls.append((id, name, input))
                default: dropped.insert("messages[].content[].\(block.type)")
                }
            }
        } else {
            found.texts.append(content.stringContent)
        }
        found.texts.removeAll { $0.isEmpty }
        found.reasoning.removeAll { $0.isEmpty }
        return found
    }

    private mutating func write(_ content: AssistantContent) {
        beginMessage("assistant", awaitsResults: !content.calls.isEmpty)
        if content.texts.isEmpty, !content.calls.isEmpty {
            output.write("null")
        } else {
            output.write(joining: content.texts, separator: "")
        }
        if !content.reasoning.isEmpty {
            output.write(",\"reasoning_content\":")
            output.write(joining: content.reasoning, separator: "")
        }
        if !content.calls.isEmpty {
            output.write(",\"tool_calls\":[")
            for (index, call) in content.calls.enumerated() {
                output.write(index > 0 ? ",{\"id\":" : "{\"id\":")
                output.write(call.id.bytes)
                output.write(",\"type\":\"function\",\"function\":{\"name\":")
                output.write(call.name.bytes)
                output.write(",\"arguments\":")
                output.write(quoting: call.input?.bytes ?? Array("{}".utf8)[...])
                output.write("}}")
            }
            output.write("]")
        }
        output.write("}")
    }
}
