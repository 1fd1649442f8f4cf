import NIOCore
import NIOHTTP1
import Relay

/// Reads a client's HTTP/1 requests off its connection's bytes: one after the other, in whatever pieces they come, each
/// part as soon as it is there.
///
/// It reads so strictly that nobody in front of us or behind us can read differently where one request ends and the next
/// one begins (RFC 9112; the rules that keep requests from being smuggled). A head comes whole or not at all, so that
/// nobody ever hears of one that is not well formed. Trailers are checked and end here. Pure: no I/O.
struct RequestReader {
    enum Part: Equatable {
        case head(HTTPRequestHead)
        case body(ByteBuffer)
        case end
    }

    enum Violation: Error, Hashable {
        /// A head, or a body's trailer section, is longer than the limit.
        case tooLarge
        /// Not `METHOD SP TARGET SP HTTP/1.x CRLF`, a method that nobody knows, or a form of target that it does not take.
        case requestLine
        /// A name that is no token, whitespace before the colon, a control character, a folded or badly ended line.
        case field
        /// A field of this name, which decides something, is there twice.
        case repeated(String)
        /// Two fields hold different credentials.
        case credentials
        /// `Content-Length` and `Transfer-Encoding` leave room for doubt.
        case length
        /// `Host` is missing, there twice, or no host.
        case host
        /// A chunk's size, extension or end.
        case chunk
        /// A trailer that would have meant something in the head.
        case trailer
        /// The client has ended its side of the connection in the middle of a request.
        case incomplete
    }

    private enum Place: Equatable {
        case requestLine, fields
        case body(left: Int)
        case chunkSize, chunkEnd, trailers
        case chunk(left: Int)
    }

    /// A chunk's line is a number and perhaps an extension, which nobody uses.
    private static let longestChunkLine = 256

    private var pending = ByteBuffer()
    private var lines: Lines

    /// - Parameter maxHead: in bytes; of a trailer section, too.
    init(maxHead: Int) {
        lines = Lines(maxHead: maxHead)
    }

    /// Whether everything that came belongs to requests that have been read to their end.
    var isBetweenRequests: Bool { pending.readableBytes == 0 && lines.place == .requestLine }

    /// Whether something has come that has not been read.
    var hasPending: Bool { pending.readableBytes > 0 }

    mutating func append(_ bytes: ByteBuffer) {
        pending.takeIn(bytes)
    }

    /// The next part; nil until more has come. After a violation nothing more may be asked for.
    mutating func next() throws(Violation) -> Part? {
        while true {
            switch lines.place {
            case .body(let left):
                if left == 0 { return end() }
                guard let bytes = take(left) else { return nil }
                lines.place = .body(left: left - bytes.readableBytes)
                return .body(bytes)
            case .chunk(let left):
                guard let bytes = take(left) else { return nil }
                lines.place = bytes.readableBytes == left ? .chunkEnd : .chunk(left: left - bytes.readableBytes)
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
        lines.place = .requestLine
        return .end
    }

    /// As much as is there, up to `most` bytes; nil when there is nothing.
    private mutating func take(_ most: Int) -> ByteBuffer? {
        guard pending.readableBytes > 0 else { return nil }
        guard pending.readableBytes > most else {
            // The whole of it, so that the storage can be read into again as soon as the slice is gone.
            defer { pending = ByteBuffer() }
            return pending
        }
        return pending.readSlice(length: most)
    }

    private mutating func readLines() throws(Violation) -> Lines.Outcome {
        let read: Result<Lines.Outcome, Violation> = pending.readWithUnsafeReadableBytes { bytes in
            var taken = 0
            do throws(Violation) {
                let outcome = try lines.read(bytes, &taken)
                return (taken, .success(outcome))
            } catch {
                return (taken, .failure(error))
            }
        }
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return try read.get()
    }

    /// What is read line by line.
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
        var place = Place.requestLine
        private var head = HeadFacts()
        private var headers = HTTPHeaders()
        /// Of the section that is being read, its lines so far, in bytes.
        private var sectionBytes = 0
        /// How far what has not been read is known to hold no end of a line.
        private var searched = 0
        private var emptyLinesBefore = 0

        init(maxHead: Int) {
            self.maxHead = maxHead
        }

        /// - Parameter taken: how many of the bytes have been read for good.
        mutating func read(_ bytes: UnsafeRawBufferPointer, _ taken: inout Int) throws(Violation) -> Outcome {
            while true {
                guard let lineFeed = Byte.lineFeed(in: bytes, from: taken + searched, to: bytes.count) else {
                    searched = bytes.count - taken
                    try checkLength(searched)
                    return .more
                }
                searched = 0
                let length = lineFeed + 1 - taken
                try checkLength(length)
                guard length > 1, bytes[lineFeed - 1] == Byte.carriageReturn else { throw lineError }
                let line = UnsafeRawBufferPointer(rebasing: bytes[taken..<lineFeed - 1])
                taken = lineFeed + 1
                sectionBytes += length
                if let outcome = try read(line) { return outcome }
            }
        }

        /// - Returns: nil when one more line has to be read.
        private mutating func read(_ line: UnsafeRawBufferPointer) throws(Violation) -> Outcome? {
            switch place {
            case .requestLine:
                if line.isEmpty {
                    // RFC 9112 §2.2: some clients end a body with an empty line too many.
                    emptyLinesBefore += 1
                    guard emptyLinesBefore == 1 else { throw .requestLine }
                    sectionBytes = 0
                    return nil
                }
                head = try HeadFacts(requestLine: line)
                headers = HTTPHeaders()
                headers.reserveCapacity(12)
                place = .fields
                return nil
            case .fields:
                guard line.isEmpty else {
                    guard let field = FieldLine(line) else { throw .field }
                    try head.note(field)
                    headers.add(
                        name: String(decoding: field.name, as: UTF8.self),
                        value: String(decoding: field.value, as: UTF8.self))
                    return nil
                }
                switch try head.bodyLength() {
                case .none: place = .body(left: 0)
                case .bytes(let count): place = .body(left: count)
                case .chunks: place = .chunkSize
                }
                (sectionBytes, emptyLinesBefore) = (0, 0)
                defer { headers = HTTPHeaders() }
                return .head(try head.head(headers))
            case .chunkSize:
                guard let size = ChunkLine.size(line) else { throw .chunk }
                sectionBytes = 0
                place = size == 0 ? .trailers : .chunk(left: size)
                return size == 0 ? nil : .content
            case .chunkEnd:
                guard line.isEmpty else { throw .chunk }
                place = .chunkSize
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

        /// - Parameter length: of the line that is being read, as far as it has come.
        private func checkLength(_ length: Int) throws(Violation) {
            switch place {
            case .requestLine, .fields, .trailers: if sectionBytes + length > maxHead { throw .tooLarge }
            case .chunkSize: if length > longestChunkLine { throw .chunk }
            case .chunkEnd: if length > 2 { throw .chunk }
            case .body, .chunk: break
            }
        }

        private var lineError: Violation {
            switch place {
            case .requestLine: .requestLine
            case .fields, .trailers: .field
            case .body, .chunk, .chunkSize, .chunkEnd: .chunk
            }
        }
    }
}
