import SimpleAICore
import NIOCore
import NIOHTTP1

/// Parses an engine's HTTP/1 responses from the bytes of a connection, regardless of read boundaries (RFC 9112 §4 to §7).
/// Returns each part as soon as it is complete.
///
/// The parser is strict, because an ambiguous response could end early, or leave bytes that the next caller would receive.
/// Interim responses and trailers are dropped here. Bodies are slices of the bytes read. Pure: no I/O.
struct ResponseParser {
    enum Part: Equatable {
        case head(HTTPResponseHead)
        case body(ByteBuffer)
        case end
    }

    enum Violation: Error, Hashable, CustomStringConvertible {
        case statusLine, field, headTooLarge, length, chunk

        var description: String {
            switch self {
            case .statusLine: "not an HTTP/1 response"
            case .field: "a malformed header field"
            case .headTooLarge: "an unterminated header section"
            case .length: "conflicting Content-Length or Transfer-Encoding"
            case .chunk: "a malformed chunk"
            }
        }
    }

    private enum Place: Equatable {
        case head
        case body(left: Int)
        /// HTTP/1.0, or a response without framing: the body ends with the connection.
        case bodyUntilClosed
        case chunkSize, chunkEnd
        case chunk(left: Int)
        case trailers
        /// The response is complete; the next one has not been requested.
        case end
    }

    /// In bytes; also the limit for a trailer section.
    private static let maxHeadSize = 64 << 10
    private static let maxChunkLineLength = 256
    private static let version = Array("HTTP/1.".utf8)

    private var place = Place.head
    private var pending = ByteBuffer()
    /// Number of bytes of `pending` that have been searched for the end of the head.
    private var searched = 0
    private var trailerBytes = 0

    /// Whether all received bytes belong to responses that have been parsed completely.
    var isEmpty: Bool { pending.readableBytes == 0 && (place == .head || place == .end) }

    /// Whether the end of the connection ends the response.
    var endsWithConnection: Bool { place == .bodyUntilClosed }

    /// Prepares for the next response.
    mutating func begin() {
        place = .head
    }

    mutating func append(_ bytes: ByteBuffer) {
        pending.appendCompacting(bytes)
    }

    /// The next part; nil until more bytes have arrived. After `.end`, `begin` must be called first.
    mutating func next() throws(Violation) -> Part? {
        while true {
            switch place {
            case .head:
                guard let head = try readHead() else { return nil }
                // Interim responses (RFC 9110 §15.2), except the one that switches protocols.
                guard head.status.code >= 200 || head.status == .switchingProtocols else { continue }
                return .head(head)
            case .body(let left):
                if left == 0 { return end() }
                guard let bytes = consume(left) else { return nil }
                place = .body(left: left - bytes.readableBytes)
                return .body(bytes)
            case .bodyUntilClosed: return consume(.max).map(Part.body)
            case .chunkSize:
                // Most reads contain exactly one chunk, which has been returned before.
                guard pending.readableBytes > 0 else { return nil }
                if let chunk = consumeCompleteChunk() { return .body(chunk) }
                let limit = Self.maxChunkLineLength
                guard let size = try readLine(limit: limit, or: .chunk, { ChunkLine.size($0) }) else { return nil }
                guard let size else { throw .chunk }
                trailerBytes = 0
                place = size == 0 ? .trailers : .chunk(left: size)
            case .chunk(let left):
                guard let bytes = consume(left) else { return nil }
                place = bytes.readableBytes == left ? .chunkEnd : .chunk(left: left - bytes.readableBytes)
                return .body(bytes)
            case .chunkEnd:
                guard let isEmpty = try readLine(limit: 2, or: .chunk, { $0.isEmpty }) else { return nil }
                guard isEmpty else { throw .chunk }
                place = .chunkSize
            case .trailers:
                let limit = Self.maxHeadSize - trailerBytes
                // The result is the line's length, or nil for a malformed field line.
                let read = try readLine(limit: limit, or: .headTooLarge) { line -> Int? in
                    line.isEmpty || FieldLine(line) != nil ? line.count : nil
                }
                guard let read else { return nil }
                guard let length = read else { throw .field }
                if length == 0 { return end() }
                trailerBytes += length
            case .end: return nil
            }
        }
    }

    private mutating func end() -> Part {
        place = .end
        return .end
    }

    /// The available bytes, at most `maxBytes`; nil if there are none.
    private mutating func consume(_ maxBytes: Int) -> ByteBuffer? {
        guard pending.readableBytes > 0 else { return nil }
        if pending.readableBytes <= maxBytes {
            // The storage can be reused for reads once the slice is released.
            let all = pending
            pending = ByteBuffer()
            return all
        }
        return pending.readSlice(length: maxBytes)
    }

    /// The next chunk, if it is complete and has no extension: an engine writes one for every event, and most reads contain
    /// exactly one. Nil for anything else, which is then parsed line by line.
    private mutating func consumeCompleteChunk() -> ByteBuffer? {
        let found: (start: Int, size: Int)? = pending.withUnsafeReadableBytes { bytes in
            var (size, index) = (0, 0)
            // Seven digits exceed what one read can contain.
            while index < min(bytes.count, 7), let digit = Byte.hexDigit(bytes[index]) {
                size = size << 4 | digit
                index += 1
            }
            let (start, end) = (index + 2, index + 2 + size)
            guard size > 0, end + 2 <= bytes.count, bytes[index] == Byte.carriageReturn,
                bytes[index + 1] == Byte.lineFeed, bytes[end] == Byte.carriageReturn, bytes[end + 1] == Byte.lineFeed
            else { return nil }
            return (start, size)
        }
        guard let found else { return nil }
        pending.moveReaderIndex(forwardBy: found.start)
        let chunk = pending.readSlice(length: found.size)
        skip(2)
        return chunk
    }

    private mutating func skip(_ count: Int) {
        pending.moveReaderIndex(forwardBy: count)
        if pending.readableBytes == 0 { pending = ByteBuffer() }
    }

    // MARK: Lines

    /// Reads one line that ends with CR LF.
    /// - Parameter read: called with the line without its end.
    /// - Returns: nil if the line is not complete yet.
    private mutating func readLine<Value>(
        limit: Int, or violation: Violation, _ read: (UnsafeRawBufferPointer) -> Value
    ) throws(Violation) -> Value? {
        let available = pending.readableBytes
        let found: (end: Int, value: Value)?? = pending.withUnsafeReadableBytes { bytes in
            guard let end = Byte.lineFeed(in: bytes, from: 0, to: min(available, limit)) else { return .none }
            guard end > 0, bytes[end - 1] == Byte.carriageReturn else { return .some(nil) }
            return .some((end, read(UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)]))))
        }
        guard let found else {
            if available >= limit { throw violation }
            return nil
        }
        guard let found else { throw violation == .headTooLarge ? .field : violation }
        skip(found.end + 1)
        return found.value
    }

    // MARK: Heads

    private mutating func readHead() throws(Violation) -> HTTPResponseHead? {
        guard let length = try headLength() else { return nil }
        searched = 0
        let read: Result<(HTTPResponseHead, Place), Violation> = pending.withUnsafeReadableBytes { bytes in
            do throws(Violation) {
                return .success(try HeadReader.read(UnsafeRawBufferPointer(rebasing: bytes[..<length])))
            } catch {
                return .failure(error)
            }
        }
        let (head, body) = try read.get()
        skip(length)
        place = head.status.code < 200 ? .head : body
        return head
    }

    /// Length of the head, including the empty line that ends it; nil until it has arrived.
    private mutating func headLength() throws(Violation) -> Int? {
        let start = searched
        let outcome: (length: Int?, searched: Int) = pending.withUnsafeReadableBytes { bytes in
            var line = start
            while let end = Byte.lineFeed(in: bytes, from: line, to: bytes.count) {
                // `read` rejects other line ends.
                let isEmpty = end == line || end == line + 1 && bytes[line] == Byte.carriageReturn
                line = end + 1
                if isEmpty { return (line, line) }
            }
            return (nil, line)
        }
        searched = outcome.searched
        // A peer that speaks another protocol is rejected immediately, not only after an empty line.
        guard pending.readableBytesView.starts(with: Self.version.prefix(pending.readableBytes)) else {
            throw .statusLine
        }
        guard outcome.length ?? pending.readableBytes <= Self.maxHeadSize else { throw .headTooLarge }
        return outcome.length
    }

    private enum HeadReader {
        /// - Parameter bytes: a head including its empty line.
        static func read(_ bytes: UnsafeRawBufferPointer) throws(Violation) -> (HTTPResponseHead, Place) {
            var lines = Lines(bytes: bytes)
            guard let first = try lines.next() else { throw .statusLine }
            let (version, status) = try statusLine(first)
            // `HTTPHeaders.add` would check each name once more.
            var fields: [(String, String)] = []
            fields.reserveCapacity(12)
            var length: Int?
            var codings: String?
            while let line = try lines.next() {
                guard let field = FieldLine(line) else { throw .field }
                let value = String(decoding: field.value, as: UTF8.self)
                fields.append((String(decoding: field.name, as: UTF8.self), value))
                if Byte.equalIgnoringCase(field.name, "content-length") {
                    guard length == nil, let stated = decimal(field.value) else { throw .length }
                    length = stated
                } else if Byte.equalIgnoringCase(field.name, "transfer-encoding") {
                    codings = codings.map { "\($0),\(value)" } ?? value
                }
            }
            let head = HTTPResponseHead(version: version, status: status, headers: HTTPHeaders(fields))
            return (head, try place(afterStatus: status.code, length: length, codings: codings))
        }

        /// Body framing by RFC 9112 §6.3, without guessing.
        private static func place(afterStatus status: UInt, length: Int?, codings: String?) throws(Violation) -> Place {
            if status < 200 || status == 204 || status == 304 { return .body(left: 0) }
            guard let codings else { return length.map { .body(left: $0) } ?? .bodyUntilClosed }
            // Both fields together are ambiguous. The gateway requests no transfer coding but `chunked`.
            guard length == nil, codings.lowercased() == "chunked" else { throw .length }
            return .chunkSize
        }

        /// Parses `HTTP/1.1 200 OK`; engines that send no reason also leave out the space before it.
        private static func statusLine(
            _ line: UnsafeRawBufferPointer
        ) throws(Violation) -> (HTTPVersion, HTTPResponseStatus) {
            guard line.count >= 12, Byte.equal(line[..<7], "HTTP/1."), let minor = digit(line[7]), minor <= 1,
                line[8] == Byte.space, let status = decimal(line[9..<12]), (100...999).contains(status)
            else { throw .statusLine }
            // The reason phrase has no meaning (§4), so the standard one is used.
            guard line.count == 12 || line[12] == Byte.space && line[13...].allSatisfy(Byte.isInFieldValue) else {
                throw .statusLine
            }
            return (HTTPVersion(major: 1, minor: minor), HTTPResponseStatus(statusCode: status))
        }

        private static func decimal(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
            // Eighteen digits cannot overflow, and exceed any body's length.
            guard (1...18).contains(digits.count) else { return nil }
            var number = 0
            for byte in digits {
                guard let digit = digit(byte) else { return nil }
                number = number * 10 + digit
            }
            return number
        }

        private static func digit(_ byte: UInt8) -> Int? {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
        }
    }

    /// The lines of a head, each ended by CR LF.
    private struct Lines {
        let bytes: UnsafeRawBufferPointer
        private var start = 0

        init(bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        /// Nil at the empty line.
        mutating func next() throws(Violation) -> UnsafeRawBufferPointer? {
            guard let end = Byte.lineFeed(in: bytes, from: start, to: bytes.count), end > start,
                bytes[end - 1] == Byte.carriageReturn
            else { throw start == 0 ? .statusLine : .field }
            defer { start = end + 1 }
            return end - 1 > start ? UnsafeRawBufferPointer(rebasing: bytes[start..<(end - 1)]) : nil
        }
    }
}
