import NIOCore
import SimpleAICore

/// The part that consecutive events of a stream have in common. An engine sends hundreds of events that differ only in the
/// piece of text in the middle; an event that matches the template of an earlier one is not parsed again.
///
/// An event matches if the bytes before and after the piece are the same and the piece is a JSON string without escapes.
struct EventTemplate {
    /// The bytes up to and including the quote before the piece, and from the quote after it to the end of the event.
    private let (start, end): ([UInt8], [UInt8])
    /// The same bytes with the public model id; nil if the engine uses the public id.
    private let restored: (start: [UInt8], end: [UInt8])?

    /// - Parameters:
    ///   - piece: the range of a string in the event, with its quotes.
    ///   - model: the range of the engine's model id in the event, and the id for the caller; nil if they are the same.
    init?(_ event: ByteBuffer, piece: Range<Int>, model: (range: Range<Int>, name: String)?) {
        let bytes = Array(event.readableBytesView)
        guard piece.lowerBound >= 0, piece.count >= 2, piece.upperBound <= bytes.count else { return nil }
        (start, end) = (Array(bytes[...piece.lowerBound]), Array(bytes[(piece.upperBound - 1)...]))
        guard let model else {
            restored = nil
            return
        }
        let name = Array(JSONString.encode(model.name).utf8)
        if model.range.upperBound <= piece.lowerBound {
            restored = (start.replacing(model.range, with: name), end)
        } else if model.range.lowerBound >= piece.upperBound {
            let offset = piece.upperBound - 1
            let range = (model.range.lowerBound - offset)..<(model.range.upperBound - offset)
            restored = (start, end.replacing(range, with: name))
        } else {
            return nil
        }
    }

    /// The event as forwarded to the caller; nil if it does not match.
    func pass(_ event: ByteBuffer) -> ByteBuffer? {
        let length = event.readableBytes
        // An empty piece does not match: pieces are counted, and empty ones do not count.
        guard length > start.count + end.count else { return nil }
        let fits = event.withUnsafeReadableBytes { bytes in
            Byte.equal(bytes, at: 0, start) && Byte.equal(bytes, at: length - end.count, end)
                && Self.isPlain(UnsafeRawBufferPointer(rebasing: bytes[start.count..<(length - end.count)]))
        }
        guard fits else { return nil }
        guard let restored else { return event }
        var changed = ByteBuffer()
        changed.reserveCapacity(restored.start.count + restored.end.count + length - start.count - end.count)
        changed.writeBytes(restored.start)
        if let piece = event.getSlice(at: event.readerIndex + start.count, length: length - start.count - end.count) {
            changed.writeImmutableBuffer(piece)
        }
        changed.writeBytes(restored.end)
        return changed
    }

    /// Whether a matching event ends with LF, so that no later byte can belong to it. A CR could be followed by an LF.
    var isWholeEvent: Bool { end.last == 0x0A }

    /// Whether the text is the content of a JSON string without an escape.
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        var isASCII = true
        for byte in text {
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            if byte >= 0x80 { isASCII = false }
        }
        return isASCII || String(validating: text, as: UTF8.self) != nil
    }
}

extension [UInt8] {
    fileprivate func replacing(_ range: Range<Int>, with replacement: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(range, with: replacement)
        return copy
    }
}

/// The latest template of a stream. Stops recording templates when they match too rarely to save time.
struct EventTemplates {
    /// Maximum number of recorded templates in a row without a match: each costs two copies of an event.
    private static let maxMisses = 8

    private var latest: EventTemplate?
    private var unused = 0

    /// Whether bytes that match the latest template are exactly one event.
    var matchesAreWholeEvents: Bool { latest?.isWholeEvent ?? false }

    mutating func pass(_ event: ByteBuffer) -> ByteBuffer? {
        guard let passed = latest?.pass(event) else { return nil }
        unused = 0
        return passed
    }

    mutating func note(_ template: () -> EventTemplate?) {
        guard unused < Self.maxMisses else { return }
        unused += 1
        latest = template()
    }
}
