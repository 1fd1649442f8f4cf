public import SimpleAICore

/// Reads a `multipart/form-data` body (RFC 7578, RFC 2046 §5.1) that arrives in pieces of any size: finds the fields of
/// `MultipartField`, wherever they stand, and passes over everything else.
///
/// The engine reads the same bytes with a reader of its own, so the body must mean the same to every reader: lines end
/// with CR LF, the boundary occurs in delimiter lines only, and each field occurs once. Otherwise a caller could name one
/// model to the gateway and another to the engine. Bytes of files are not copied; the scanner holds at most one header
/// line and one value.
///
/// Invariants: after an error every call throws the same error; the result does not depend on how the body is cut.
public struct MultipartScanner: Sendable {
    /// In bytes, of each field that the gateway reads.
    public static let maxValueLength = 512
    /// Maximum number of parts of a body.
    public static let maxParts = 128
    /// In bytes, of the header of one part.
    public static let maxHeaderLength = 8 << 10

    struct FoundField {
        let value: String
        let range: Range<Int>
        let lengthRange: Range<Int>?
    }

    struct PartTotals {
        var count = 0
        var fileCount = 0
        var fileLength = 0
    }

    private enum State {
        /// Before the first delimiter. Only CR LF may precede it: readers that split the body at its delimiters take a
        /// preamble for a part (Tornado), others refuse it (python-multipart, cpp-httplib).
        case preamble
        /// After a delimiter: its line end decides what follows.
        case delimiter(Tail)
        case header
        case value
        case epilogue
    }

    /// What was read of the rest of a delimiter line.
    private enum Tail {
        case nothing, carriageReturn, dash
        /// The final delimiter, after which the body may end.
        case final
        case finalCarriageReturn
    }

    private let boundary: MultipartBoundary
    private var search: DelimiterSearch
    private var state = State.preamble
    private var failure: GatewayError?
    /// Length of the previous pieces.
    private var offset = 0
    private var header = PartHeader()
    /// The header line that is being read, and where it begins in the body.
    private var line: [UInt8] = []
    private var lineStart = 0
    private var headerStart = 0
    private var valueStart = 0
    /// The value that is being read, with the bytes of a delimiter that may follow it; empty for files.
    private var value: [UInt8] = []
    /// Whether the value is longer than what is collected of a field that the gateway does not read.
    private var valueIsLong = false
    private var delimiterStart = 0
    private var found: [MultipartPart] = []
    private var fields: [MultipartField: FoundField] = [:]
    private var parts = PartTotals()

    public init(_ boundary: MultipartBoundary) {
        self.boundary = boundary
        search = DelimiterSearch(for: boundary.delimiter)
    }

    /// The value of the field `model`, as soon as it is complete; a second one later is an error.
    public var model: String? { fields[.model]?.value }

    // MARK: Bytes

    /// Reads the next piece of the body.
    /// - Throws: `invalidRequest`, as soon as no continuation could make the body valid.
    public mutating func scan(_ bytes: ArraySlice<UInt8>) throws(GatewayError) {
        let result: Result<Void, GatewayError> = bytes.withUnsafeBytes { bytes in
            do throws(GatewayError) {
                return .success(try scan(bytes))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Reads the next piece of the body.
    /// - Throws: `invalidRequest`, as soon as no continuation could make the body valid.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(GatewayError) {
        if let failure { throw failure }
        do throws(GatewayError) {
            var index = 0
            while index < bytes.count { try step(bytes, &index) }
            offset += bytes.count
        } catch {
            failure = error
            throw error
        }
    }

    /// The body is complete.
    /// - Throws: `invalidRequest` if it ends early, lacks the field `model`, or has a value that is not valid.
    public mutating func finish() throws(GatewayError) -> MultipartForm {
        if let failure { throw failure }
        switch state {
        case .epilogue, .delimiter(.final): break
        case .preamble: throw .noBoundary
        default:
            throw .multipart("The multipart body ends before its final boundary. Send it completely.", header.param)
        }
        return try MultipartForm(fields, found, boundary: boundary, length: offset, totals: parts)
    }

    private mutating func step(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) throws(GatewayError) {
        switch state {
        case .preamble, .value, .epilogue:
            let start = index
            let end = search.next(in: bytes, from: index)
            index = end ?? bytes.count
            if case .value = state, !header.isFile { try collect(bytes[start..<index]) }
            if case .preamble = state, offset + index > boundary.delimiter.count + 2 { throw .noBoundary }
            if end != nil { try delimiterFound(at: offset + index - boundary.delimiter.count) }
        case .delimiter(let tail):
            try read(bytes[index], after: tail)
            index += 1
            if case .header = state { beginHeader(at: offset + index) }
        case .header:
            let end = Byte.lineFeed(in: bytes, from: index, to: bytes.count)
            let next = end.map { $0 + 1 } ?? bytes.count
            guard offset + next - headerStart <= Self.maxHeaderLength else {
                throw .multipart("The header of a part is longer than \(Self.maxHeaderLength) bytes.", header.param)
            }
            line += bytes[index..<next]
            index = next
            if end != nil { try headerLineRead(endingAt: offset + index) }
        }
    }

    // MARK: Delimiters

    private mutating func delimiterFound(at start: Int) throws(GatewayError) {
        let beginsBody = if case .preamble = state { start == 0 } else { false }
        guard search.followsLineEnd || beginsBody else { throw .ambiguousBoundary(header.param) }
        switch state {
        case .value: try valueEnded(at: start - 2, delimiter: start)
        case .epilogue: throw .multipart("The multipart body continues after its final boundary.", nil)
        default: break
        }
        delimiterStart = start
        state = .delimiter(.nothing)
    }

    private mutating func read(_ byte: UInt8, after tail: Tail) throws(GatewayError) {
        switch (tail, byte) {
        case (.nothing, Byte.carriageReturn): state = .delimiter(.carriageReturn)
        case (.nothing, UInt8(ascii: "-")): state = .delimiter(.dash)
        case (.carriageReturn, Byte.lineFeed): state = .header
        case (.dash, UInt8(ascii: "-")): state = .delimiter(.final)
        case (.final, Byte.carriageReturn): state = .delimiter(.finalCarriageReturn)
        case (.finalCarriageReturn, Byte.lineFeed):
            state = .epilogue
            search.restart()
        default: throw .ambiguousBoundary(nil)
        }
    }

    // MARK: Headers

    private mutating func beginHeader(at position: Int) {
        header = PartHeader()
        (headerStart, lineStart) = (position, position)
    }

    private mutating func headerLineRead(endingAt end: Int) throws(GatewayError) {
        guard line.count >= 2, line[line.count - 2] == Byte.carriageReturn else {
            throw .multipart("The lines of a multipart body must end with CR LF.", header.param)
        }
        let text = line.dropLast(2)
        if text.isEmpty {
            try headerEnded(at: end)
        } else {
            // Some readers find the boundary anywhere.
            guard !text.contains(boundary.delimiter) else { throw .ambiguousBoundary(header.param) }
            try header.read(text, at: lineStart)
        }
        line.removeAll(keepingCapacity: true)
        lineStart = end
    }

    private mutating func headerEnded(at end: Int) throws(GatewayError) {
        try header.finish()
        parts.count += 1
        guard parts.count <= Self.maxParts else {
            throw .multipart("The multipart body has more than \(Self.maxParts) parts.", header.param)
        }
        if let field = header.field, fields[field] != nil {
            throw .multipart("The field \"\(field.rawValue)\" occurs twice. Send it once.", field.rawValue)
        }
        state = .value
        valueStart = end
        value.removeAll(keepingCapacity: true)
        valueIsLong = false
        search.restart()
    }

    // MARK: Values

    private mutating func collect(_ bytes: Slice<UnsafeRawBufferPointer>) throws(GatewayError) {
        // The value may be followed by a line end and the delimiter.
        guard !valueIsLong else { return }
        guard value.count + bytes.count <= Self.maxValueLength + boundary.delimiter.count + 2 else {
            guard header.field == nil else { throw tooLong }
            valueIsLong = true
            return value.removeAll()
        }
        value += bytes
    }

    private var tooLong: GatewayError {
        let name = header.param ?? ""
        return .multipart("The field \"\(name)\" is longer than \(Self.maxValueLength) bytes.", header.param)
    }

    /// - Parameter delimiter: where the delimiter behind the value begins.
    private mutating func valueEnded(at end: Int, delimiter: Int) throws(GatewayError) {
        // Not negative: the search began after the header, so it has found the line end before the delimiter behind it.
        let range = valueStart..<end
        if let length = header.length, length.value != range.count {
            throw .multipart("The Content-Length of a part differs from its length.", header.param)
        }
        if header.isFile {
            parts.fileCount += 1
            parts.fileLength += range.count
        }
        let isRead = !header.isFile && !valueIsLong && range.count <= Self.maxValueLength
        found.append(
            MultipartPart(
                name: header.name, isFile: header.isFile, range: delimiterStart..<delimiter, valueRange: range,
                lengthRange: header.length?.range, value: isRead ? Array(value.prefix(range.count)) : nil))
        guard let field = header.field else { return }
        guard range.count <= Self.maxValueLength else { throw tooLong }
        fields[field] = FoundField(
            value: try text(of: field, value.prefix(range.count)), range: range, lengthRange: header.length?.range)
    }

    private func text(of field: MultipartField, _ bytes: ArraySlice<UInt8>) throws(GatewayError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .multipart("The field \"\(field.rawValue)\" is not valid UTF-8.", field.rawValue)
        }
        if field == .model, let fault = NameFault(in: text) {
            throw .multipart("The field \"model\" \(fault).", field.rawValue)
        }
        return text
    }
}

extension GatewayError {
    fileprivate static let noBoundary = GatewayError.multipart(
        "The multipart body does not begin with its boundary.", MultipartBoundary.contentType)

    fileprivate static func ambiguousBoundary(_ param: String?) -> GatewayError {
        .multipart(
            "The boundary of the multipart body occurs outside a delimiter line that ends with CR LF. Use CR LF line ends, "
                + "and a boundary that the parts do not contain.", param)
    }
}
