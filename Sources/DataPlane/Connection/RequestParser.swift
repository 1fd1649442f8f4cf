import SimpleAICore
import NIOCore
import NIOHTTP1
import Relay

/// Parses HTTP/1 requests from the bytes of a client's connection, however these are split into reads. Returns each part
/// as soon as it is complete.
///
/// The parser is so strict that no server in front of the gateway or behind it can disagree about where a request ends
/// (RFC 9112; the rules against request smuggling). A head is delivered only if it is complete and well formed.
/// Trailers are checked and dropped here. Pure: no I/O.
struct RequestParser {
    enum Part: Equatable {
        case head(HTTPRequestHead)
        case body(ByteBuffer)
        case end
    }

    enum Violation: Error, Hashable {
        /// A head, or a body's trailer section, is longer than the limit.
        case tooLarge
        /// Not `METHOD SP TARGET SP HTTP/1.x CRLF`, an unknown method, or a form of target that the method does not
        /// allow.
        case requestLine
        /// A name that is not a token, whitespace before the colon, a control character, a folded line or an invalid
        /// line end.
        case field
        /// A field that must not be repeated is repeated.
        case repeated(String)
        /// Two fields carry different credentials. The error has the form of the dialect.
        case credentials(Dialect)
        /// `Content-Length` and `Transfer-Encoding` are ambiguous.
        case length
        /// `Host` is missing, repeated, or not a host.
        case host
        /// Malformed size, extension or end of a chunk.
        case chunk
        /// A field that must not be a trailer.
        case trailer
        /// The client closed its sending side in the middle of a request.
        case incomplete
    }

    private enum State: Equatable {
        case requestLine, fields
        case body(left: Int)
        case chunkSize, chunkEnd, trailers
        case chunk(left: Int)
    }

    /// In bytes. A chunk's size line consists of a number and, rarely, an extension.
    private static let maxChunkLineLength = 256

    private var pending = ByteBuffer()
    private var lines: Lines

    /// - Parameter maxHead: in bytes; also the limit for a trailer section.
    init(maxHead: Int) {
        lines = Lines(maxHead: maxHead)
    }

    /// Whether all received bytes belong to requests that have been parsed completely.
    var isBetweenRequests: Bool { pending.readableBytes == 0 && lines.state == .requestLine }

    /// Whether received bytes have not been parsed.
    var hasPending: Bool { pending.readableBytes > 0 }

    mutating func append(_ bytes: ByteBuffer) {
        pending.appendCompacting(bytes)
    }

    /// The next part; nil until more bytes have arrived. Must not be called after a violation.
    mutating func next() throws(Violation) -> Part? {
        while true {
            switch lines.state {
            case .body(let left):
                if left == 0 { return end() }
                guard let bytes = take(left) else { return nil }
                lines.state = .body(left: left - bytes.readableBytes)
                return .body(bytes)
            case .chunk(let left):
                guard let bytes = take(left) else { return nil }
                lines.state = bytes.readableBytes == left ? .chunkEnd : .chunk(left: left - bytes.readableBytes)
                return .body(bytes)
            case .requestLine, .fields, .chunkSize, .chunkEnd, .trailers:
                switch try readLines() {
                case .more: return nil
                case .head(let head): return .head(head)
                case .content: continue
                case .end: return end()
                }
            }
        }
    }

    private mutating func end() -> Part {
        lines.state = .requestLine
        return .end
    }

    /// The available bytes, at most `maxBytes`; nil if there are none.
    private mutating func take(_ maxBytes: Int) -> ByteBuffer? {
        guard pending.readableBytes > 0 else { return nil }
        guard pending.readableBytes > maxBytes else {
            // Returns the buffer itself, so that the storage can be reused for reads once the slice is released.
            defer { pending = ByteBuffer() }
            return pending
        }
        return pending.readSlice(length: maxBytes)
    }

    private mutating func readLines() throws(Violation) -> Lines.Outcome {
        let read: Result<Lines.Outcome, Violation> = pending.readWithUnsafeReadableBytes { bytes in
            var consumed = 0
            do throws(Violation) {
                let outcome = try lines.read(bytes, &consumed)
                return (consumed, .success(outcome))
            } catch {
                return (consumed, .failure(error))
            }
        }
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return try read.get()
    }

    /// Parses the parts that consist of lines.
    private struct Lines {
        enum Outcome {
            /// The next line is not complete yet.
            case more
            case head(HTTPRequestHead)
            /// A piece of a body follows.
            case content
            case end
        }

        let maxHead: Int
        var state = State.requestLine
        private var head = RequestHeadSummary()
        private var fields: [(String, String)] = []
        /// Length of the current section's lines so far, in bytes.
        private var sectionBytes = 0
        /// Number of unread bytes that are known to contain no line end.
        private var searched = 0
        private var emptyLinesBefore = 0

        init(maxHead: Int) {
            self.maxHead = maxHead
        }

        /// - Parameter consumed: number of bytes that are parsed and can be discarded.
        mutating func read(_ bytes: UnsafeRawBufferPointer, _ consumed: inout Int) throws(Violation) -> Outcome {
            while true {
                guard let lineFeed = Byte.lineFeed(in: bytes, from: consumed + searched, to: bytes.count) else {
                    searched = bytes.count - consumed
                    try checkLength(searched)
                    return .more
                }
                searched = 0
                let length = lineFeed + 1 - consumed
                try checkLength(length)
                guard length > 1, bytes[lineFeed - 1] == Byte.carriageReturn else { throw lineError }
                let line = UnsafeRawBufferPointer(rebasing: bytes[consumed..<lineFeed - 1])
                consumed = lineFeed + 1
                sectionBytes += length
                if let outcome = try read(line) { return outcome }
            }
        }

        /// - Returns: nil if another line has to be read.
        private mutating func read(_ line: UnsafeRawBufferPointer) throws(Violation) -> Outcome? {
            switch state {
            case .requestLine:
                if line.isEmpty {
                    // RFC 9112 §2.2: some clients send an extra empty line after a body.
                    emptyLinesBefore += 1
                    guard emptyLinesBefore == 1 else { throw .requestLine }
                    sectionBytes = 0
                    return nil
                }
                head = try RequestHeadSummary(requestLine: line)
                fields.reserveCapacity(12)
                state = .fields
                return nil
            case .fields:
                guard line.isEmpty else {
                    guard let field = FieldLine(line) else { throw .field }
                    try head.note(field)
                    // `HTTPHeaders.add` would check each name once more.
                    fields.append(
                        (String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self)))
                    return nil
                }
                switch try head.bodyLength() {
                case .none: state = .body(left: 0)
                case .bytes(let count): state = .body(left: count)
                case .chunks: state = .chunkSize
                }
                (sectionBytes, emptyLinesBefore) = (0, 0)
                let headers = HTTPHeaders(fields)
                fields = []
                return .head(try head.head(headers))
            case .chunkSize:
                guard let size = ChunkLine.size(line) else { throw .chunk }
                sectionBytes = 0
                state = size == 0 ? .trailers : .chunk(left: size)
                return size == 0 ? nil : .content
            case .chunkEnd:
                guard line.isEmpty else { throw .chunk }
                state = .chunkSize
                return nil
            case .trailers:
                guard line.isEmpty else {
                    guard let field = FieldLine(line) else { throw .field }
                    try field.checkAsTrailer()
                    return nil
                }
                sectionBytes = 0
                return .end
            case .body, .chunk: return .content
            }
        }

        /// - Parameter length: of the current line, as far as it has arrived.
        private func checkLength(_ length: Int) throws(Violation) {
            switch state {
            case .requestLine, .fields, .trailers: if sectionBytes + length > maxHead { throw .tooLarge }
            case .chunkSize: if length > maxChunkLineLength { throw .chunk }
            case .chunkEnd: if length > 2 { throw .chunk }
            case .body, .chunk: break
            }
        }

        private var lineError: Violation {
            switch state {
            case .requestLine: .requestLine
            case .fields, .trailers: .field
            case .body, .chunk, .chunkSize, .chunkEnd: .chunk
            }
        }
    }
}
