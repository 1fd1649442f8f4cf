public import NIOCore
public import SimpleAICore

/// Forwards an engine's event stream to the caller, each event as soon as it is complete: restores the public model id,
/// removes the usage chunk that only the gateway requested, and determines whether the stream is complete.
///
/// A stream is complete if the engine sent `[DONE]`, or if every choice has its `finish_reason` and the engine ended its body
/// cleanly (`/v1/responses`: if a terminal event was received). Bytes that need no change are forwarded unchanged.
public struct EventStreamRelay {
    public enum Phase: Hashable, Sendable {
        case open
        /// Every requested choice has its `finish_reason`; usage and `[DONE]` may still follow.
        case finishing
        /// The engine has sent its final event, though its body may still be open. Later bytes are dropped.
        case complete
        /// The engine stated an error. The event that carried it is not forwarded: the owner of this relay reports the
        /// error.
        case failed(EngineError)
    }

    let endpoint: Endpoint
    let model: ModelID
    let hidesUsageChunk: Bool
    /// Whether the events are translated: then only chunks are forwarded.
    let forwardsChunksOnly: Bool
    private let expectedChoices: Int
    public internal(set) var phase = Phase.open
    private var splitter = EventSplitter()
    private var templates = EventTemplates()
    /// The indices of all choices received so far, and of those with a `finish_reason`.
    private var seenChoices: Set<Int> = []
    private var finishedChoices: Set<Int> = []
    var doneWasForwarded = false
    var isFirstEvent = true
    public internal(set) var usage: TokenUsage?
    /// Number of forwarded events, for metrics.
    public private(set) var events = 0
    /// Number of forwarded events that carried a piece of the completion: engines send one for every token.
    public internal(set) var pieces = 0
    /// The engine's id of the response (`/v1/responses` only); nil until the engine has sent it.
    public internal(set) var responseID: String?
    /// The error of an `error` event of `/v1/responses`. The event was forwarded, because a terminal event may follow.
    var statedError: EngineError?

    /// - Parameters:
    ///   - model: the public id of the serving model.
    ///   - hidesUsageChunk: true if only the gateway requested the usage chunk, not the caller.
    ///   - forwardsChunksOnly: whether only events whose data is a JSON object are forwarded, for a translation: no
    ///     comments, and no `[DONE]`.
    ///   - expectedChoices: number of requested choices; engines may send them one after the other.
    public init(
        endpoint: Endpoint, model: ModelID, hidesUsageChunk: Bool, forwardsChunksOnly: Bool = false,
        expectedChoices: Int = 1
    ) {
        self.forwardsChunksOnly = forwardsChunksOnly
        self.expectedChoices = expectedChoices
        self.endpoint = endpoint
        self.model = model
        self.hidesUsageChunk = hidesUsageChunk
    }

    /// Receives bytes and forwards the events that they complete. Only complete events are forwarded, so the gateway may
    /// insert a comment at any time.
    public mutating func receive(_ bytes: ByteBuffer, forward: (ByteBuffer) -> Void) throws(EventSplitter.TooLong) {
        // Most reads contain exactly one event with the shape of the previous one, so nothing has to be split.
        if !splitter.isInsideEvent, templates.matchesAreWholeEvents, let passed = templates.pass(bytes) {
            pieces += 1
            events += 1
            return forward(passed)
        }
        try splitter.append(bytes)
        while phase.acceptsEvents, let event = splitter.next() {
            if let event = pass(event) {
                events += 1
                forward(event)
            }
        }
        // An LF may still follow the last CR, but the final event is forwarded without waiting for it. In `/v1/responses`
        // `[DONE]` is not final: the LF would become an event of its own.
        if endpoint != .responses, phase.acceptsEvents, splitter.restIsEvent, isDone(splitter.rest),
            let event = pass(splitter.takeRest())
        {
            events += 1
            forward(event)
        }
    }

    private func isDone(_ event: ByteBuffer) -> Bool {
        EventSplitter.payload(of: event, isFirst: isFirstEvent).map(Self.isDone) ?? false
    }

    /// Number of bytes of the unfinished event.
    public var pendingBytes: Int { splitter.pendingBytes }

    /// Completes the stream after the wait for usage and `[DONE]` timed out.
    /// - Returns: the bytes still to be sent: a missing `[DONE]`, or nothing.
    public mutating func complete() -> ByteBuffer {
        phase = .complete
        return endpoint == .responses || doneWasForwarded || forwardsChunksOnly
            ? ByteBuffer() : ByteBuffer(string: "data: [DONE]\n\n")
    }

    /// Handles the end of the engine's body without an error.
    /// - Returns: nil if the stream was truncated or has failed; otherwise the bytes still to be sent (a missing `[DONE]`, or
    ///   nothing).
    public mutating func end(forward: (ByteBuffer) -> Void) -> ByteBuffer? {
        let isEvent = splitter.restIsEvent
        var rest = splitter.takeRest()
        if rest.readableBytes > 0, phase.acceptsEvents {
            if !isEvent {
                // A partial event would break the client's parser before it reads the gateway's error.
                guard isWhole(rest) else { return nil }
                // The engine left out the empty line after its final event.
                rest.writeString("\n\n")
            }
            if let event = pass(rest) { forward(event) }
        }
        if case .failed = phase { return nil }
        guard phase == .complete || everyChoiceIsFinished else {
            if let statedError { phase = .failed(statedError) }
            return nil
        }
        return complete()
    }

    private var everyChoiceIsFinished: Bool { !finishedChoices.isEmpty && seenChoices.isSubset(of: finishedChoices) }

    /// Whether an event is complete except for its empty line.
    private func isWhole(_ rest: ByteBuffer) -> Bool {
        guard let payload = EventSplitter.payload(of: rest, isFirst: isFirstEvent) else {
            return rest.readableBytesView.allSatisfy { $0 == 0x0A || $0 == 0x0D }
                || EventSplitter.documentWithoutData(of: rest).flatMap { JSONSlice(document: $0, grammar: .lenient) }
                    != nil
        }
        return Self.isDone(payload) || JSONSlice(document: payload.bytes, grammar: .lenient) != nil
    }

    private static func isDone(_ payload: EventSplitter.Payload) -> Bool {
        guard payload.bytes.first == UInt8(ascii: "[") else { return false }
        return payload.bytes.prefix { $0 > 0x20 }.elementsEqual("[DONE]".utf8)
            && payload.bytes.dropFirst("[DONE]".utf8.count).allSatisfy { $0 <= 0x20 }
    }

    /// The event as forwarded to the caller; nil if it is dropped.
    private mutating func pass(_ event: ByteBuffer) -> ByteBuffer? {
        let event = isFirstEvent ? EventSplitter.withoutByteOrderMark(event) : event
        if let passed = templates.pass(event) {
            pieces += 1
            return passed
        }
        defer { isFirstEvent = false }
        guard let payload = EventSplitter.payload(of: event) else {
            return handleWithoutData(event)
        }
        if Self.isDone(payload) { return handleDone(event) }
        let keys = endpoint == .responses ? Self.keysOfResponses : Self.keysOfChunks
        guard let chunk = JSONMembers(document: payload.bytes, keys: keys, grammar: .lenient) else {
            return handleNonJSON(event, payload)
        }
        if endpoint == .responses { return passResponsesEvent(event, payload, chunk) }
        if EngineError.isStated(error: chunk["error"], object: chunk["object"]) || EventSplitter.isNamed("error", event)
        {
            return fail(payload.bytes)
        }

        let choices = chunk["choices"]?.elements ?? []
        var piece: Piece?
        // A chunk without content after the last `finish_reason` is the usage chunk, even if it has a choice.
        let wasFinishing = phase == .finishing
        for choice in choices {
            if let found = record(choice) { piece = found }
        }
        if piece != nil { pieces += 1 }
        if let found = chunk["usage"], let usage = TokenUsage(found) {
            self.usage = usage
            let isUsageChunk = choices.isEmpty || wasFinishing && piece == nil
            if hidesUsageChunk, isUsageChunk { return withoutUsage(event, payload, chunk["model"]) }
        } else if choices.count == 1, payload.isOneLine, !isFirstEvent, case .text(let text)? = piece {
            // Later events of this shape differ only in the text of the piece.
            let model = replacement(for: chunk["model"])
            templates.note { EventTemplate(event, piece: text, model: model) }
        }
        return restored(event, payload, modelValue: chunk["model"])
    }

    /// The piece of the completion that a choice carries.
    private enum Piece {
        /// A string in the event, at this range.
        case text(Range<Int>)
        case other
    }

    private static let keysOfChunks: JSONScanner.Keys = ["model", "choices", "usage", "error", "object"]
    private static let keysOfResponses: JSONScanner.Keys = ["type", "response", "error", "object"]

    /// Updates the state of the choice.
    /// - Returns: the piece of the completion that the choice carries: text, reasoning, or a part of a tool call.
    private mutating func record(_ choice: JSONSlice) -> Piece? {
        var index = 0
        var isFinished = false
        var piece: Piece?
        func found(_ value: JSONSlice) {
            piece = value.bytes.first == UInt8(ascii: "\"") ? .text(value.bytes.indices) : .other
        }
        choice.forEachMember { key, value in
            if JSONSlice.isKey(key, "index") {
                index = value.integer ?? 0
            } else if JSONSlice.isKey(key, "finish_reason") {
                // Some engines send the string "null".
                isFinished = !value.isEmpty && !value.bytes.elementsEqual("\"null\"".utf8)
            } else if JSONSlice.isKey(key, "text") {
                if !value.isEmpty { found(value) }
            } else if JSONSlice.isKey(key, "delta") {
                value.forEachMember { key, value in
                    if !value.isEmpty, !JSONSlice.isKey(key, "role") { found(value) }
                }
            }
        }
        seenChoices.insert(index)
        if isFinished {
            finishedChoices.insert(index)
            if finishedChoices.count >= expectedChoices, everyChoiceIsFinished { phase = .finishing }
        } else if phase == .finishing, !finishedChoices.contains(index) {
            phase = .open
        }
        return isFinished ? piece.map { _ in .other } : piece
    }

    /// The range of the engine's model id and the public id; nil if they are equal.
    func replacement(for modelValue: JSONSlice?) -> (range: Range<Int>, name: String)? {
        guard let modelValue, let name = modelValue.string, !name.isExactly(model.rawValue) else { return nil }
        return (modelValue.bytes.indices, model.rawValue)
    }

    /// The event with the public model id; unchanged if it already has it.
    func restored(_ event: ByteBuffer, _ payload: EventSplitter.Payload, modelValue: JSONSlice?) -> ByteBuffer {
        guard let modelValue, replacement(for: modelValue) != nil else { return event }
        let id = JSONString.encode(model.rawValue)
        var changed = ByteBuffer()
        changed.reserveCapacity(event.readableBytes + id.utf8.count)
        if payload.isOneLine {
            let bytes = Array(event.readableBytesView)
            changed.writeBytes(bytes[..<modelValue.bytes.startIndex])
            changed.writeString(id)
            changed.writeBytes(bytes[modelValue.bytes.endIndex...])
        } else {
            for line in EventSplitter.otherLines(of: event, isFirst: isFirstEvent) {
                changed.writeBytes(line)
                changed.writeString("\n")
            }
            // Between JSON tokens a line break is white space, so one line has the same meaning.
            let space: (UInt8) -> UInt8 = { $0 == 0x0A ? 0x20 : $0 }
            changed.writeString("data: ")
            changed.writeBytes(payload.bytes[..<modelValue.bytes.startIndex].map(space))
            changed.writeString(id)
            changed.writeBytes(payload.bytes[modelValue.bytes.endIndex...].map(space))
            changed.writeString("\n\n")
        }
        return changed
    }
}
