public import NIOCore
public import SimpleAICore

/// Forwards an engine's large JSON document to the caller as it arrives: recognizes from its beginning that it is a result,
/// restores the public model id, and reads the token usage.
///
/// A document is a result as soon as one of `Endpoint.resultKeys` has content. Until then its bytes are collected: an error
/// object, or anything but a JSON object, is never forwarded, and the owner of this relay evaluates it when it is complete.
/// Bytes that need no change are forwarded unchanged.
public struct DocumentRelay {
    /// The rest of a document that has begun cannot be forwarded.
    public struct Malformed: Error {}

    /// In bytes. Collecting a smaller document costs less than forwarding it in pieces.
    public static let minSize = 64 << 10

    /// Whether the document was recognized as a result, so that `receive` returns bytes to send.
    public private(set) var hasBegun = false
    /// The length of the forwarded document in bytes, once it has begun. Nil if it is known only at the end, because the
    /// engine states no length or writes the model's name after the data: the response is then chunked. Collecting the
    /// document to learn its length would let the engine determine how much memory that takes.
    public private(set) var length: Int?
    public private(set) var usage: TokenUsage?
    /// The engine's id of the response (`/v1/responses` only).
    public private(set) var id: String?

    private struct Edit {
        let range: Range<Int>
        let replacement: String
    }

    private let model: ModelID
    private let readsID: Bool
    private let statedLength: Int?
    private let needsLength: Bool
    private var scanner = DocumentScanner(watching: Self.keys)
    /// The value that is being received, if its bytes are needed.
    private var value: MemberValue?
    private var edits: [Edit] = []
    private var modelWasSeen = false
    private var isResult = false
    /// Received bytes that have not been forwarded, and their offset in the document.
    private var pending = ByteBuffer()
    private var pendingStart = 0

    /// - Parameters:
    ///   - model: the id under which the caller knows the serving model.
    ///   - statedLength: the engine's `Content-Length`; nil if it sent none.
    ///   - needsLength: whether the response must have a `Content-Length` (HTTP/1.0, where a truncated response looks
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
    /// Ollama states its counts at the top level.
    private static let promptKey = 3
    private static let completionKey = 4
    private static let lastReadKey = completionKey
    private static let keys = ["model", "usage", "id", "prompt_eval_count", "eval_count"] + Endpoint.resultKeys

    /// Maximum number of pending replacements; no engine's document has more.
    private static let maxEdits = 16

    /// The received bytes, unchanged, until forwarding begins.
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
            handle(found, pointer, from: start)
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
        guard hasBegun || tryBegin() else { return ByteBuffer() }
        return try release()
    }

    /// - Parameters:
    ///   - bytes: the latest received bytes.
    ///   - start: their offset in the document.
    private mutating func handle(
        _ events: [DocumentScanner.Event], _ bytes: UnsafeRawBufferPointer, from start: Int
    ) {
        for event in events {
            switch event {
            case .valueBegan(let key, let position):
                value = key <= Self.lastReadKey ? MemberValue(key: key, start: position) : nil
            case .valueHasContent(let key):
                if key > Self.lastReadKey || key == Self.idKey && readsID { isResult = true }
            case .valueEnded(_, let end):
                collect(bytes, from: start, to: end)
                if let value { read(value, end: end) }
                value = nil
            }
        }
        collect(bytes, from: start, to: start + bytes.count)
    }

    /// Appends the received bytes of the current value, up to `end`.
    private mutating func collect(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
        // Longer values are forwarded without being read.
        if value?.append(bytes, from: start, to: end) == false { value = nil }
    }

    private mutating func read(_ value: MemberValue, end: Int) {
        let token = value.json
        switch value.key {
        case Self.usageKey: if let found = token.flatMap({ TokenUsage($0) }) { usage = found }
        case Self.idKey: if readsID { id = token?.string ?? id }
        case Self.promptKey: if let count = token?.integer { note { $0.prompt = max(0, count) } }
        case Self.completionKey: if let count = token?.integer { note { $0.completion = max(0, count) } }
        default:
            modelWasSeen = true
            guard let name = token?.string, !name.isExactly(model.rawValue) else { return }
            guard edits.count < Self.maxEdits else { return scanner.isMalformed = true }
            edits.append(Edit(range: value.start..<end, replacement: JSONString.encode(model.rawValue)))
        }
    }

    private mutating func note(_ change: (inout TokenUsage) -> Void) {
        var counts = usage ?? TokenUsage(prompt: 0, completion: 0)
        change(&counts)
        usage = counts
    }

    /// Begins to forward the document if it is a result and the response can state its length where required.
    private mutating func tryBegin() -> Bool {
        guard isResult, !needsLength || modelWasSeen && statedLength != nil else { return false }
        hasBegun = true
        if modelWasSeen, let statedLength {
            length = edits.reduce(statedLength) { $0 + $1.replacement.utf8.count - $1.range.count }
        }
        return true
    }

    /// Takes all of `pending`, with the public model id, except an incomplete model name at its end.
    private mutating func release() throws(Malformed) -> ByteBuffer {
        let end = value.map { $0.key == Self.modelKey ? $0.start : scanner.offset } ?? scanner.offset
        // A second model name changes the length that the head has already stated.
        if length != nil, pendingStart > 0, edits.contains(where: { $0.replacement.utf8.count != $0.range.count }) {
            throw Malformed()
        }
        var released = ByteBuffer()
        for edit in edits {
            released.writeImmutableBuffer(consumePending(to: edit.range.lowerBound))
            released.writeString(edit.replacement)
            _ = consumePending(to: edit.range.upperBound)
        }
        edits = []
        let rest = consumePending(to: end)
        if released.readableBytes == 0 { return rest }
        released.writeImmutableBuffer(rest)
        return released
    }

    private mutating func consumePending(to end: Int) -> ByteBuffer {
        let taken = pending.readSlice(length: max(0, end - pendingStart)) ?? ByteBuffer()
        pendingStart += taken.readableBytes
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return taken
    }
}
