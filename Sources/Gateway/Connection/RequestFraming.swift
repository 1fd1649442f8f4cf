import Relay

/// Where one HTTP/1 request ends and the next one begins, read so strictly that nobody in front of us or behind us can
/// read it differently (RFC 9112; the rules that keep requests from being smuggled).
///
/// It sees the bytes before the HTTP decoder does, and decides how many of them the decoder may see. A head is passed on
/// whole or not at all, so that no handler ever hears of a request that is not well formed. Pure: no I/O, no allocation.
struct RequestFraming {
    enum Violation: Error, Hashable {
        /// A head, or a body's trailer section, is longer than the limit.
        case tooLarge
        /// Not `METHOD SP TARGET SP HTTP/1.x CRLF`, or a form of target that this method does not take.
        case requestLine
        /// A name that is no token, whitespace before the colon, a control character, a folded or badly ended line.
        case field
        /// `Content-Length` and `Transfer-Encoding` leave room for doubt.
        case length
        /// `Host` is missing, there twice, or no host.
        case host
        /// A chunk's size, extension or end.
        case chunk
        /// A trailer that would have meant something in the head.
        case trailer
    }

    struct Progress {
        /// How many bytes may be passed on now. The rest is to be shown again, in front of what comes next.
        var passable: Int
        var violation: Violation?
        /// Where `Upgrade` stands as the name of a field. Nobody has to take such an offer, but the decoder would stop
        /// reading the connection after it.
        var upgrades: [Int] = []
    }

    private enum Place {
        case requestLine, fields
        case body(left: Int)
        case chunkSize, chunkEnd, trailers
        case chunk(left: Int)
    }

    /// A chunk's line is a number and perhaps an extension, which nobody uses.
    private static let longestChunkLine = 256

    private let maxHead: Int
    private var place = Place.requestLine
    private var head = HeadFacts()
    /// Where the line that is being waited for begins, and how far it is known to hold no LF; counted from the first
    /// byte that has not been passed on.
    private var lineStart = 0
    private var searched = 0
    private var headStart = 0
    /// Trailers have been passed on before their section is complete; so they are counted.
    private var trailerBytes = 0
    private var upgrades: [Int] = []
    private var emptyLinesBefore = 0

    init(maxHead: Int) {
        self.maxHead = maxHead
    }

    /// - Parameter bytes: everything that was not passed on before, and what has come since.
    mutating func advance(over bytes: UnsafeRawBufferPointer) -> Progress {
        /// Up to here `bytes` may be passed on.
        var passable = 0
        /// Up to here they are whole requests: all that is passed on when the next one is no good.
        var whole = 0
        upgrades = []
        do throws(Violation) {
            while true {
                switch place {
                case .body(let left):
                    let taken = min(left, bytes.count - lineStart)
                    lineStart += taken
                    passable = lineStart
                    guard taken == left else {
                        place = .body(left: left - taken)
                        return rest(passable)
                    }
                    endRequest()
                    whole = passable
                case .chunk(let left):
                    let taken = min(left, bytes.count - lineStart)
                    lineStart += taken
                    passable = lineStart
                    guard taken == left else {
                        place = .chunk(left: left - taken)
                        return rest(passable)
                    }
                    place = .chunkEnd
                case .requestLine, .fields, .chunkSize, .chunkEnd, .trailers:
                    guard let lineFeed = nextLineFeed(in: bytes) else {
                        try checkLength(ofLineEndingAt: bytes.count)
                        return rest(passable)
                    }
                    try checkLength(ofLineEndingAt: lineFeed + 1)
                    guard lineFeed > lineStart, bytes[lineFeed - 1] == Byte.carriageReturn else { throw lineError }
                    let line = UnsafeRawBufferPointer(rebasing: bytes[lineStart..<lineFeed - 1])
                    let start = lineStart
                    lineStart = lineFeed + 1
                    if try read(line, at: start) { passable = lineStart }
                    if case .requestLine = place, passable == lineStart { whole = passable }
                }
            }
        } catch {
            return Progress(passable: whole, violation: error, upgrades: upgrades)
        }
    }

    /// - Returns: whether what was read so far may be passed on.
    private mutating func read(_ line: UnsafeRawBufferPointer, at start: Int) throws(Violation) -> Bool {
        switch place {
        case .requestLine:
            if line.isEmpty {
                // RFC 9112 §2.2: some clients end a body with an empty line too many.
                emptyLinesBefore += 1
                guard emptyLinesBefore == 1 else { throw .requestLine }
                headStart = lineStart
                return true
            }
            head = try HeadFacts(requestLine: line)
            place = .fields
            return false
        case .fields:
            guard line.isEmpty else {
                guard let field = FieldLine(line) else { throw .field }
                try head.note(field)
                if field.name.count == 7, Byte.equalIgnoringCase(field.name, "upgrade") { upgrades.append(start) }
                return false
            }
            switch try head.bodyLength() {
            case .none: endRequest()
            case .bytes(let count): place = .body(left: count)
            case .chunks: place = .chunkSize
            }
            return true
        case .chunkSize:
            guard let size = ChunkLine.size(line) else { throw .chunk }
            trailerBytes = 0
            place = size == 0 ? .trailers : .chunk(left: size)
            return true
        case .chunkEnd:
            guard line.isEmpty else { throw .chunk }
            place = .chunkSize
            return true
        case .trailers:
            guard line.isEmpty else {
                guard let field = FieldLine(line) else { throw .field }
                try field.checkAsTrailer()
                trailerBytes += line.count + 2
                return true
            }
            endRequest()
            return true
        case .body, .chunk: return true
        }
    }

    private mutating func endRequest() {
        place = .requestLine
        headStart = lineStart
        emptyLinesBefore = 0
    }

    /// More bytes are needed; those that are passed on will not be seen again.
    private mutating func rest(_ passable: Int) -> Progress {
        lineStart -= passable
        searched = max(searched - passable, 0)
        headStart = max(headStart - passable, 0)
        return Progress(passable: passable, violation: nil, upgrades: upgrades)
    }

    private mutating func nextLineFeed(in bytes: UnsafeRawBufferPointer) -> Int? {
        var index = max(searched, lineStart)
        while index < bytes.count {
            if bytes[index] == Byte.lineFeed {
                searched = index + 1
                return index
            }
            index += 1
        }
        searched = index
        return nil
    }

    private func checkLength(ofLineEndingAt end: Int) throws(Violation) {
        switch place {
        case .requestLine, .fields: if end - headStart > maxHead { throw .tooLarge }
        case .trailers: if end - lineStart + trailerBytes > maxHead { throw .tooLarge }
        case .chunkSize: if end - lineStart > Self.longestChunkLine { throw .chunk }
        case .chunkEnd: if end - lineStart > 2 { throw .chunk }
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
