public import NIOCore
public import SimpleAICore

/// Follows an engine's large JSON document on its way to the caller: decides from its beginning that it is a result, then
/// passes it on piece by piece under the public id of the model, and reads what it used from the bytes that pass.
///
/// A document is a result as soon as a member that holds results has content: an error object without a result never
/// begins, nor does anything but a JSON object. A document that has not begun is kept, so that the caller can evaluate
/// it as a whole. Bytes that need no change are forwarded unchanged.
public struct DocumentRelay {
    /// The document is not a JSON object that can be forwarded completely.
    public struct Malformed: Error {}

    /// In bytes: smaller documents are collected, since that costs less than following them.
    public static let minSize = 64 << 10

    /// Whether the document was recognized as a result, so that `receive` returns bytes to send.
    public private(set) var hasBegun = false
    /// The length of the document for the caller, once it has begun; nil if it is only known at its end: an engine may
    /// write the model's name after the data, and the response is then chunked. Collecting the document for the sake of
    /// its length would take as much memory as the engine chooses to send.
    public private(set) var length: Int?
    public private(set) var usage: TokenUsage?
    /// The engine's name for the response (`/v1/responses` only).
    public private(set) var id: String?

    private struct Edit {
        let range: Range<Int>
        let replacement: String
    }

    /// The current value, if its bytes are needed.
    private struct Value {
        let key: Int
        let start: Int
        var bytes: [UInt8] = []
    }

    private let model: ModelID
    private let readsID: Bool
    private let statedLength: Int?
    private let needsLength: Bool
    private var scanner = DocumentScanner(watching: Self.keys)
    private var value: Value?
    private var edits: [Edit] = []
    private var modelWasSeen = false
    private var isResult = false
    /// Received bytes that have not been forwarded, and their offset in the document.
    private var pending = ByteBuffer()
    private var pendingStart = 0

    /// - Parameters:
    ///   - model: the id under which the caller knows the serving model.
    ///   - statedLength: the length that the engine stated; nil for none.
    ///   - needsLength: whether the response requires a stated length (HTTP/1.0, where a truncated response looks
    ///     complete).
    public init(endpoint: Endpoint, model: ModelID, statedLength: Int?, needsLength: Bool) {
        self.model = model
        readsID = endpoint == .responses
        self.statedLength = statedLength
        self.needsLength = needsLength
    }

    private static let modelKey = 0
    private static let usageKey = 1
    private static let idKey = 2
    private static let keys = ["model", "usage", "id"] + Endpoint.resultKeys

    /// In bytes: longer values are not read, and pass unchanged.
    private static let maxValue = 16 << 10
    /// More names of the model than any engine's document has.
    private static let maxEdits = 16

    /// The received bytes, unchanged, until the document begins.
    public var collected: ByteBuffer { pending }
    /// In bytes.
    public var pendingBytes: Int { pending.readableBytes }

    /// Whether the document is complete by its structure.
    public var isComplete: Bool { scanner.isComplete }

    /// - Returns: the bytes to send now; empty as long as the result has not begun.
    public mutating func receive(_ bytes: ByteBuffer) throws(Malformed) -> ByteBuffer {
        let start = scanner.offset
        var found: [DocumentScanner.Event] = []
        bytes.withUnsafeReadableBytes { pointer in
            if !scanner.isMalformed { scanner.scan(pointer) { found.append($0) } }
            follow(found, pointer, from: start)
        }
        if pending.readableBytes == 0 {
            (pending, pendingStart) = (bytes, start)
        } else {
            pending.writeImmutableBuffer(bytes)
        }
        guard !scanner.isMalformed else {
            guard hasBegun else { return ByteBuffer() }
            throw Malformed()
        }
        guard hasBegun || begins() else { return ByteBuffer() }
        return try release()
    }

    /// - Parameters:
    ///   - bytes: the latest received bytes.
    ///   - start: their offset in the document.
    private mutating func follow(
        _ events: [DocumentScanner.Event], _ bytes: UnsafeRawBufferPointer, from start: Int
    ) {
        for event in events {
            switch event {
            case .valueBegan(let key, let position):
                value = key <= Self.idKey ? Value(key: key, start: position) : nil
            case .valueHasContent(let key):
                if key > Self.idKey || key == Self.idKey && readsID { isResult = true }
            case .valueEnded(_, let end):
                take(bytes, from: start, to: end)
                if let value { read(value, end: end) }
                value = nil
            }
        }
        take(bytes, from: start, to: start + bytes.count)
    }

    /// Keeps the bytes of the current value up to `end`.
    private mutating func take(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
        guard let value else { return }
        let first = value.start + value.bytes.count - start
        guard first >= 0, first < end - start else { return }
        guard value.bytes.count + (end - start - first) <= Self.maxValue else {
            self.value = nil
            return
        }
        self.value?.bytes.append(contentsOf: bytes[first..<end - start])
    }

    private mutating func read(_ value: Value, end: Int) {
        let token = JSONSlice(document: value.bytes[...], grammar: .lenient)
        switch value.key {
        case Self.usageKey: if let found = token.flatMap({ TokenUsage($0) }) { usage = found }
        case Self.idKey: if readsID { id = token?.string ?? id }
        default:
            modelWasSeen = true
            guard let name = token?.string, !name.isExactly(model.rawValue) else { return }
            guard edits.count < Self.maxEdits else { return scanner.isMalformed = true }
            edits.append(Edit(range: value.start..<end, replacement: JSONString.encode(model.rawValue)))
        }
    }

    /// Whether the document may be sent.
    private mutating func begins() -> Bool {
        guard isResult, !needsLength || modelWasSeen && statedLength != nil else { return false }
        hasBegun = true
        if modelWasSeen, let statedLength {
            length = edits.reduce(statedLength) { $0 + $1.replacement.utf8.count - $1.range.count }
        }
        return true
    }

    /// All of `pending` except an incomplete name of the model, which may have to be replaced.
    private mutating func release() throws(Malformed) -> ByteBuffer {
        let end = value.map { $0.key == Self.modelKey ? $0.start : scanner.offset } ?? scanner.offset
        // A second name, of a different length than the head states.
        if length != nil, pendingStart > 0, edits.contains(where: { $0.replacement.utf8.count != $0.range.count }) {
            throw Malformed()
        }
        var released = ByteBuffer()
        for edit in edits {
            released.writeImmutableBuffer(takePending(to: edit.range.lowerBound))
            released.writeString(edit.replacement)
            _ = takePending(to: edit.range.upperBound)
        }
        edits = []
        let rest = takePending(to: end)
        if released.readableBytes == 0 { return rest }
        released.writeImmutableBuffer(rest)
        return released
    }

    private mutating func takePending(to end: Int) -> ByteBuffer {
        let taken = pending.readSlice(length: max(0, end - pendingStart)) ?? ByteBuffer()
        pendingStart += taken.readableBytes
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return taken
    }
}
