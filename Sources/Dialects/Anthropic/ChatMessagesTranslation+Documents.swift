import SimpleAICore

/// Translates documents and search results, for which chat completions have no part: their texts become texts of the
/// message.
extension ChatMessagesTranslation {
    /// The title, the context and the content; a note in place of a content that is not text.
    mutating func parts(ofDocument block: MessagesContentBlock, shape: String) throws(GatewayError) -> [Part] {
        guard let source = block.source, source.isObject else {
            throw MessagesFieldChecks.error("\(block.path).source", "an object")
        }
        let path = "\(block.path).source"
        let type = try MessagesFieldChecks.requiredString(source["type"], "\(path).type")
        recordOthers(block, shape)
        var parts = try texts([(block.title, "title"), (block.context, "context")], of: block)
        if type.isString("text") {
            parts.append(.text(try MessagesFieldChecks.requiredString(source["data"], "\(path).data").stringContent))
        } else if type.isString("content"), let content = source["content"], !content.isNull {
            parts += try self.parts(ofContent: content, FieldPath("\(path).content"), "\(shape).source.content[]")
        } else {
            dropped.insert("\(shape).document.\(type.string ?? "")")
            parts.append(Self.omitted("document"))
        }
        return parts
    }

    /// The title, the source and the texts.
    mutating func parts(ofSearchResult block: MessagesContentBlock, shape: String) throws(GatewayError) -> [Part] {
        recordOthers(block, shape)
        var parts = try texts([(block.title, "title"), (block.source, "source")], of: block)
        if let content = block.content, !content.isNull {
            parts += try self.parts(ofContent: content, FieldPath("\(block.path).content"), "\(shape).content[]")
        }
        return parts.isEmpty ? [Self.omitted("search_result")] : parts
    }

    /// A note for the model in place of a block that chat completions cannot carry.
    static func omitted(_ type: String) -> Part {
        .text(MessageBytes.escaped("[\(JSONString.visible(String(type.prefix(64)))) omitted]".utf8)[...])
    }

    private func texts(
        _ values: [(value: JSONSlice?, name: String)], of block: MessagesContentBlock
    ) throws(GatewayError) -> [Part] {
        var parts: [Part] = []
        for (value, name) in values {
            guard let text = try MessagesFieldChecks.string(value, "\(block.path).\(name)"), !text.isEmpty else {
                continue
            }
            parts.append(.text(text.stringContent))
        }
        return parts
    }

    private mutating func parts(
        ofContent content: JSONSlice, _ path: FieldPath, _ shape: String
    ) throws(GatewayError) -> [Part] {
        guard let blocks = try MessagesFieldChecks.blocks(content, path) else { return [.text(content.stringContent)] }
        var parts: [Part] = []
        for (index, element) in blocks.enumerated() {
            let block = try MessagesContentBlock(element, path: path.element(index))
            // Documents contain texts and images only.
            guard block.kind == .text || block.kind == .image else {
                dropped.insert("\(shape).\(block.type)")
                continue
            }
            try appendParts(of: block, to: &parts, shape: shape)
        }
        return parts
    }
}
