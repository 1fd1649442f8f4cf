import SimpleAICore

/// What consecutive chunks with one piece of text have in common: an engine sends hundreds of chunks that differ only in the
/// text. A chunk that matches is translated without parsing it.
struct ChunkTemplate: Sendable {
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
            Byte.equal(bytes, at: 0, start) && Byte.equal(bytes, at: bytes.count - end.count, end)
                && Self.isStringContent(
                    UnsafeRawBufferPointer(rebasing: bytes[start.count..<bytes.count - end.count]))
        }
        return matches ? payload[piece] : nil
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
