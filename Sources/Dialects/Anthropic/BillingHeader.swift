import SimpleAICore

/// The line with which Claude Code's system prompt begins: `x-anthropic-billing-header: …`. It may change with every
/// request, which would invalidate an engine's prompt cache, and means nothing to a model.
enum BillingHeader {
    private static let name = Array("x-anthropic-billing-header:".utf8)

    /// The text without the header.
    /// - Parameter text: the content of a string token.
    static func removed(from text: ArraySlice<UInt8>) -> ArraySlice<UInt8> { text.dropFirst(length(in: text)) }

    /// The length of the header with the line break after it; 0 if the text does not begin with one.
    /// - Parameter text: the content of a string token, in which a line break is an escape.
    static func length(in text: ArraySlice<UInt8>) -> Int {
        guard text.starts(with: name) else { return 0 }
        var index = text.startIndex + name.count
        while index + 1 < text.endIndex {
            guard text[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            let escape = text[(index + 1)...].prefix(5)
            if escape.first == UInt8(ascii: "n") { return index + 2 - text.startIndex }
            if escape.elementsEqual("u000a".utf8) || escape.elementsEqual("u000A".utf8) {
                return index + 6 - text.startIndex
            }
            index += 2
        }
        return text.count
    }
}

extension MessagesRequest {
    /// The bytes of the body without which the request has no billing header, as offsets from the body's start: the line,
    /// or the whole block if it has no other text. Nil for a request without the header.
    var billingHeader: Range<Int>? {
        guard let system = fields["system"] else { return nil }
        let range = system.isString ? Self.line(in: system) : Self.lineOrBlock(in: system)
        return range.map { $0.lowerBound - start..<$0.upperBound - start }
    }

    private static func line(in text: JSONSlice) -> Range<Int>? {
        let length = BillingHeader.length(in: text.stringContent)
        let start = text.bytes.startIndex + 1
        return length > 0 ? start..<start + length : nil
    }

    private static func lineOrBlock(in system: JSONSlice) -> Range<Int>? {
        let blocks = system.elements
        for (index, block) in blocks.enumerated() {
            guard block.isObject, block["type"]?.isString("text") ?? false, let text = block["text"],
                let line = line(in: text)
            else { continue }
            guard line.count == text.stringContent.count else { return line }
            // APIs refuse empty text blocks. The comma before or after the block belongs to it.
            if index + 1 < blocks.count { return block.bytes.startIndex..<blocks[index + 1].bytes.startIndex }
            let start = index > 0 ? blocks[index - 1].bytes.endIndex : block.bytes.startIndex
            return start..<block.bytes.endIndex
        }
        return nil
    }
}
