import SimpleAICore

/// The members of a chat completion chunk that a translation reads.
struct ChatChunk {
    private(set) var reasoning: [ArraySlice<UInt8>] = []
    private(set) var text: [ArraySlice<UInt8>] = []
    private(set) var refusal: JSONSlice?
    private(set) var calls: [JSONSlice] = []
    /// A call as in older versions of the API.
    private(set) var functionCall: JSONSlice?
    private(set) var finishReason: JSONSlice?
    private(set) var stopSequence: JSONSlice?
    private(set) var usage: JSONSlice?
    /// The string that is the chunk's only content, with its quotes; set if later chunks may differ only there.
    private(set) var onlyPiece: Range<Int>?

    /// Nil if `payload` is not a JSON object.
    init?(_ payload: ArraySlice<UInt8>) {
        guard let json = JSONSlice(document: payload, grammar: .lenient), json.isObject else { return nil }
        var choices: JSONSlice?
        var usage: JSONSlice?
        json.forEachMember { key, value in
            if JSONSlice.isKey(key, "choices") {
                choices = value
            } else if JSONSlice.isKey(key, "usage") {
                usage = value.isObject ? value : nil
            }
        }
        self.usage = usage
        let elements = choices?.elements ?? []
        // Only one choice is requested.
        guard let choice = elements.first, choice["index"]?.integer ?? 0 == 0 else { return }
        read(choice)
        if elements.count > 1 || usage != nil { onlyPiece = nil }
    }

    private mutating func read(_ choice: JSONSlice) {
        var delta: JSONSlice?
        var (finishReason, stopSequence): (JSONSlice?, JSONSlice?)
        choice.forEachMember { key, value in
            if JSONSlice.isKey(key, "delta") {
                delta = value
            } else if JSONSlice.isKey(key, "finish_reason") {
                finishReason = value.isNull ? nil : value
            } else if MessageStopReason.stopSequenceKeys.contains(where: { JSONSlice.isKey(key, $0) }) {
                stopSequence = value.isNull ? nil : value
            }
        }
        (self.finishReason, self.stopSequence) = (finishReason, stopSequence)
        guard let delta else { return }
        var (content, reasoningContent, reasoning): (JSONSlice?, JSONSlice?, JSONSlice?)
        var (refusal, calls, functionCall): (JSONSlice?, JSONSlice?, JSONSlice?)
        delta.forEachMember { key, value in
            guard !value.isEmpty else { return }
            if JSONSlice.isKey(key, "content") {
                content = value
            } else if JSONSlice.isKey(key, "reasoning_content") {
                reasoningContent = value
            } else if JSONSlice.isKey(key, "reasoning") {
                reasoning = value
            } else if JSONSlice.isKey(key, "refusal") {
                refusal = value
            } else if JSONSlice.isKey(key, "tool_calls") {
                calls = value
            } else if JSONSlice.isKey(key, "function_call") {
                functionCall = value
            }
        }
        self.reasoning = ChatContent.first(of: [reasoningContent, reasoning])
        text = ChatContent.text(content)
        self.refusal = refusal.flatMap { $0.isString ? $0 : nil }
        self.calls = calls?.elements ?? []
        self.functionCall = functionCall.flatMap { $0.isObject ? $0 : nil }
        let pieces = [content, reasoningContent, reasoning, refusal, calls, functionCall].compactMap { $0 }
        if pieces.count == 1, refusal == nil, let piece = pieces.first, piece.isString, finishReason == nil,
            stopSequence == nil
        {
            onlyPiece = piece.bytes.startIndex..<piece.bytes.endIndex
        }
    }
}

/// What consecutive chunks with one piece of text have in common. A chunk that matches is not parsed.
struct ChunkTemplate {
    /// The bytes up to and including the quote before the piece, and from the quote after it.
    private let (start, end): ([UInt8], [UInt8])

    /// - Parameter piece: the range of a string in the chunk, with its quotes.
    init?(_ payload: ArraySlice<UInt8>, piece: Range<Int>) {
        guard piece.count >= 2, payload.startIndex <= piece.lowerBound, piece.upperBound <= payload.endIndex else {
            return nil
        }
        start = Array(payload[...piece.lowerBound])
        end = Array(payload[(piece.upperBound - 1)...])
    }

    /// The content of the piece of a chunk that matches and whose piece is not empty; nil for other chunks.
    func piece(of payload: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard payload.count > start.count + end.count else { return nil }
        let piece = payload.startIndex + start.count..<payload.endIndex - end.count
        let matches = payload.withUnsafeBytes { bytes in
            Self.equal(bytes, at: 0, start) && Self.equal(bytes, at: bytes.count - end.count, end)
                && Self.isStringContent(
                    UnsafeRawBufferPointer(rebasing: bytes[start.count..<bytes.count - end.count]))
        }
        return matches ? payload[piece] : nil
    }

    /// Compares eight bytes at a time, because the template is most of a chunk.
    private static func equal(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ expected: [UInt8]) -> Bool {
        expected.withUnsafeBytes { expected in
            var index = 0
            while index + 8 <= expected.count {
                guard
                    bytes.loadUnaligned(fromByteOffset: offset + index, as: UInt64.self)
                        == expected.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                else { return false }
                index += 8
            }
            while index < expected.count {
                guard bytes[offset + index] == expected[index] else { return false }
                index += 1
            }
            return true
        }
    }

    /// Whether the text is the content of a JSON string (RFC 8259 §7).
    private static func isStringContent(_ text: UnsafeRawBufferPointer) -> Bool {
        var isASCII = true
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte >= 0x80 { isASCII = false }
            if byte < 0x20 || byte == UInt8(ascii: "\"") { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            // Other escapes are rare.
            guard index < text.count, "\"\\/bfnrt".utf8.contains(text[index]) else { return false }
            index += 1
        }
        return isASCII || String(validating: text, as: UTF8.self) != nil
    }
}
