import SimpleAICore
public import NIOCore

/// Splits a stream of server-sent events (WHATWG HTML §9.2.5) into complete events, regardless of read boundaries.
///
/// An event ends with an empty line; lines end with LF, CR LF or CR. The events joined together are the stream, byte for
/// byte.
public struct EventSplitter {
    /// Maximum length of an event in bytes; no engine sends longer ones.
    private static let maxEventSize = 32 << 20

    public struct TooLong: Error {}

    private var pending = ByteBuffer()
    /// Number of bytes of `pending` that have been searched.
    private var searched = 0
    private var lineIsEmpty = true
    private var previousWasCR = false
    /// Whether the empty line ended with a CR: an LF that follows still belongs to it.
    private var eventEndedWithCR = false

    public init() {}

    /// Whether the pending bytes are a complete event, to which only an LF after its last CR may still belong.
    var restIsEvent: Bool { eventEndedWithCR }

    /// The bytes of the unfinished event.
    var rest: ByteBuffer { pending }

    /// Number of bytes of the unfinished event.
    public var pendingBytes: Int { pending.readableBytes }

    /// Whether bytes of an unfinished event have arrived.
    public var isInsideEvent: Bool { pending.readableBytes > 0 }

    public mutating func append(_ bytes: ByteBuffer) throws(TooLong) {
        pending.appendCompacting(bytes)
        if pending.readableBytes > Self.maxEventSize { throw TooLong() }
    }

    /// The next complete event, including the empty line that ends it; nil until it has arrived.
    public mutating func next() -> ByteBuffer? {
        let end: Int? = pending.withUnsafeReadableBytes { bytes in
            while searched < bytes.count {
                if !previousWasCR, !eventEndedWithCR {
                    while searched + 8 <= bytes.count,
                        Self.isInsideLine(bytes.loadUnaligned(fromByteOffset: searched, as: UInt64.self))
                    {
                        searched += 8
                        lineIsEmpty = false
                    }
                    guard searched < bytes.count else { return nil }
                }
                let byte = bytes[searched]
                searched += 1
                if byte == 0x0A, previousWasCR {
                    // The second half of CR LF: the line has already ended.
                    previousWasCR = false
                    if eventEndedWithCR { return searched }
                    continue
                }
                if eventEndedWithCR {
                    searched -= 1
                    return searched
                }
                previousWasCR = byte == 0x0D
                guard byte == 0x0A || byte == 0x0D else {
                    lineIsEmpty = false
                    continue
                }
                if !lineIsEmpty {
                    lineIsEmpty = true
                } else if byte == 0x0D {
                    eventEndedWithCR = true
                } else {
                    return searched
                }
            }
            return nil
        }
        guard let end else { return nil }
        searched = 0
        lineIsEmpty = true
        previousWasCR = false
        eventEndedWithCR = false
        guard end == pending.readableBytes else { return pending.readSlice(length: end) }
        // Nothing is left to hold the storage for: the channel can use it for its next read.
        defer { pending = ByteBuffer() }
        return pending
    }

    /// Whether none of eight bytes ends a line.
    private static func isInsideLine(_ word: UInt64) -> Bool {
        !Byte.hasZero(word ^ (Byte.ones &* UInt64(Byte.lineFeed)))
            && !Byte.hasZero(word ^ (Byte.ones &* UInt64(Byte.carriageReturn)))
    }

    /// Takes the remaining bytes at the end of the stream: an unfinished event, or one that ends with a CR.
    public mutating func takeRest() -> ByteBuffer {
        defer { self = EventSplitter() }
        return pending
    }

    /// An event's payload as a client reads it.
    public struct Payload {
        /// The `data` lines joined by LF. If there is one such line, indices are offsets in the event.
        public let bytes: ArraySlice<UInt8>
        public let isOneLine: Bool
    }

    /// The payload of an event; nil for an event without data, such as a comment.
    /// - Parameter isFirst: whether the stream begins with this event; a byte order mark is ignored there.
    public static func payload(of event: ByteBuffer, isFirst: Bool = false) -> Payload? {
        let bytes = bytes(of: event, isFirst: isFirst)
        if let line = onlyLine(of: bytes) { return Payload(bytes: value(of: line), isOneLine: true) }
        let lines = lines(of: bytes).filter(isData).map(value)
        guard let first = lines.first else { return nil }
        if lines.count == 1 { return Payload(bytes: first, isOneLine: true) }
        return Payload(bytes: ArraySlice(lines.joined(separator: [0x0A])), isOneLine: false)
    }

    /// The document of an error that an engine sends outside the event format: in a field `error` (older llama.cpp servers),
    /// or as a line of JSON without a field name. Nil for other events without data.
    static func documentWithoutData(of event: ByteBuffer) -> ArraySlice<UInt8>? {
        for line in lines(of: bytes(of: event, isFirst: false)) {
            if line.starts(with: "error:".utf8) { return line.dropFirst("error:".utf8.count) }
            if line.first == UInt8(ascii: "{") { return line }
        }
        return nil
    }

    /// Whether the event has this name in its `event` field.
    public static func isNamed(_ name: String, _ event: ByteBuffer) -> Bool {
        // Most events consist of data only.
        guard !event.readableBytesView.starts(with: "data:".utf8) else { return false }
        return lines(of: bytes(of: event, isFirst: false)).contains { line in
            guard line.starts(with: "event:".utf8) else { return false }
            let value = line.dropFirst("event:".utf8.count)
            return (value.first == 0x20 ? value.dropFirst() : value).elementsEqual(name.utf8)
        }
    }

    /// The event's lines other than data: its name, its id, comments.
    package static func otherLines(of event: ByteBuffer, isFirst: Bool) -> [ArraySlice<UInt8>] {
        lines(of: bytes(of: event, isFirst: isFirst)).filter { !isData($0) }
    }

    private static func bytes(of event: ByteBuffer, isFirst: Bool) -> ArraySlice<UInt8> {
        let bytes = Array(event.readableBytesView)[...]
        return isFirst && bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes
    }

    /// The first event of a stream without its byte order mark. Clients ignore the mark only at the start of the
    /// stream, and the gateway may send a comment before it.
    package static func withoutByteOrderMark(_ event: ByteBuffer) -> ByteBuffer {
        let bytes = event.readableBytesView
        // A second mark is part of a field's name, and must not become the first.
        guard bytes.starts(with: byteOrderMark), !bytes.dropFirst(byteOrderMark.count).starts(with: byteOrderMark)
        else {
            return event
        }
        var event = event
        event.moveReaderIndex(forwardBy: byteOrderMark.count)
        return event
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Fast path for almost every event of an engine: one line of data.
    private static func onlyLine(of event: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard event.starts(with: "data:".utf8), let end = event.firstIndex(where: isLineEnd),
            event[end...].allSatisfy(isLineEnd)
        else { return nil }
        return event[..<end]
    }

    private static func lines(of event: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        event.split(whereSeparator: isLineEnd)
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// A line without a colon is a field name with an empty value (§9.2.6).
    private static func isData(_ line: ArraySlice<UInt8>) -> Bool {
        line.starts(with: "data:".utf8) || line.elementsEqual("data".utf8)
    }

    private static func value(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let value = line.dropFirst(5)
        return value.first == 0x20 ? value.dropFirst() : value
    }
}
