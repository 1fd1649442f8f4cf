public import NIOCore

/// Cuts a stream of server-sent events (WHATWG HTML §9.2.5) into whole events, whatever pieces it arrives in.
///
/// An event ends with an empty line; lines end with LF, CR LF or CR. The pieces together are the stream, byte for byte.
public struct EventSplitter {
    /// An event that is longer than this is nothing that an engine sends.
    private static let longestEvent = 32 << 20

    public struct TooLong: Error {}

    private var pending = ByteBuffer()
    /// How far `pending` has been looked at.
    private var searched = 0
    private var lineIsEmpty = true
    private var previousWasCR = false
    /// The empty line was ended by a CR: an LF that follows still belongs to it.
    private var eventEndedWithCR = false

    public init() {}

    /// Whether what is left is a whole event, which waits only for an LF that its last CR may still get.
    var restIsEvent: Bool { eventEndedWithCR }

    /// What has arrived that is no whole event yet.
    var rest: ByteBuffer { pending }

    /// How much of it there is, in bytes.
    public var pendingBytes: Int { pending.readableBytes }

    /// Whether something has arrived that is no whole event yet.
    public var isInsideEvent: Bool { pending.readableBytes > 0 }

    public mutating func append(_ bytes: ByteBuffer) throws(TooLong) {
        pending.takeIn(bytes)
        if pending.readableBytes > Self.longestEvent { throw TooLong() }
    }

    /// The next whole event with the empty line that ends it; nil until more has arrived.
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
                    // The second half of CR LF: the line has ended already.
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
        return pending.readSlice(length: end)
    }

    /// Whether none of eight bytes ends a line.
    private static func isInsideLine(_ word: UInt64) -> Bool {
        !Byte.hasZero(word ^ (Byte.ones &* UInt64(Byte.lineFeed)))
            && !Byte.hasZero(word ^ (Byte.ones &* UInt64(Byte.carriageReturn)))
    }

    /// What is left when the stream has ended: an unfinished event, or one whose last CR was not followed by anything.
    public mutating func takeRest() -> ByteBuffer {
        defer { self = EventSplitter() }
        return pending
    }

    /// An event's payload as a client would see it.
    public struct Payload {
        /// The `data` lines joined by LF. Indices are offsets in the event where there is one such line.
        public let bytes: ArraySlice<UInt8>
        public let isOneLine: Bool
    }

    /// Nil for an event without data, such as a comment.
    /// - Parameter isFirst: whether the stream begins with this event; a byte order mark there means nothing.
    public static func payload(of event: ByteBuffer, isFirst: Bool = false) -> Payload? {
        let bytes = bytes(of: event, isFirst: isFirst)
        if let line = onlyLine(of: bytes) { return Payload(bytes: value(of: line), isOneLine: true) }
        let lines = lines(of: bytes).filter(isData).map(value)
        guard let first = lines.first else { return nil }
        if lines.count == 1 { return Payload(bytes: first, isOneLine: true) }
        return Payload(bytes: ArraySlice(lines.joined(separator: [0x0A])), isOneLine: false)
    }

    /// What an engine says outside the format: a field `error`, as older llama.cpp servers wrote it, or a JSON document
    /// without any field. Nil for other events without data.
    static func documentWithoutData(of event: ByteBuffer) -> ArraySlice<UInt8>? {
        for line in lines(of: bytes(of: event, isFirst: false)) {
            if line.starts(with: "error:".utf8) { return line.dropFirst("error:".utf8.count) }
            if line.first == UInt8(ascii: "{") { return line }
        }
        return nil
    }

    /// Whether a line of the event names it so.
    static func isNamed(_ name: String, _ event: ByteBuffer) -> Bool {
        // Most events are data alone.
        guard !event.readableBytesView.starts(with: "data:".utf8) else { return false }
        return lines(of: bytes(of: event, isFirst: false)).contains { line in
            guard line.starts(with: "event:".utf8) else { return false }
            let value = line.dropFirst("event:".utf8.count)
            return (value.first == 0x20 ? value.dropFirst() : value).elementsEqual(name.utf8)
        }
    }

    /// An event's lines that are no data: its name, its id, comments.
    static func otherLines(of event: ByteBuffer, isFirst: Bool) -> [ArraySlice<UInt8>] {
        lines(of: bytes(of: event, isFirst: isFirst)).filter { !isData($0) }
    }

    private static func bytes(of event: ByteBuffer, isFirst: Bool) -> ArraySlice<UInt8> {
        let bytes = Array(event.readableBytesView)[...]
        return isFirst && bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes
    }

    /// The first event of a stream without the mark before it. Clients ignore it only where nothing precedes it, and a
    /// comment of the gateway's may.
    static func withoutByteOrderMark(_ event: ByteBuffer) -> ByteBuffer {
        let bytes = event.readableBytesView
        // A second one is part of a field's name, and must not become the first.
        guard bytes.starts(with: byteOrderMark), !bytes.dropFirst(byteOrderMark.count).starts(with: byteOrderMark)
        else {
            return event
        }
        var event = event
        event.moveReaderIndex(forwardBy: byteOrderMark.count)
        return event
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// What almost every event of an engine is: one line of data.
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

    /// A line without a colon is a field's name alone, and its value empty (§9.2.6).
    private static func isData(_ line: ArraySlice<UInt8>) -> Bool {
        line.starts(with: "data:".utf8) || line.elementsEqual("data".utf8)
    }

    private static func value(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let value = line.dropFirst(5)
        return value.first == 0x20 ? value.dropFirst() : value
    }
}
