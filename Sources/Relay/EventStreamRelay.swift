public import NIOCore
public import SimpleAICore

/// Follows an engine's event stream on its way to the caller: forwards every whole event as it arrives, restores the
/// public model id, takes out the usage chunk that only we asked for, and knows whether the stream was complete.
///
/// Complete means: the engine said `[DONE]`, or every choice has its `finish_reason` and the engine ended cleanly
/// (`/v1/responses`: a closing event came). Bytes that need no change pass untouched.
public struct EventStreamRelay {
    public enum Phase: Hashable, Sendable {
        case open
        /// Every choice that was asked for has its `finish_reason`: usage and `[DONE]` may still come.
        case finishing
        /// The engine has said its last word, though its body may be open. What follows is dropped.
        case complete
        /// The engine stated an error. The event that did is not forwarded: it is for the caller of this to say.
        case failed(EngineError)
    }

    let endpoint: Endpoint
    let model: ModelID
    let hidesUsageChunk: Bool
    private let expectedChoices: Int
    public internal(set) var phase = Phase.open
    private var splitter = EventSplitter()
    private var shapes = EventShapes()
    private var open: Set<Int> = []
    private var finished: Set<Int> = []
    var doneWasForwarded = false
    var isFirstEvent = true
    public internal(set) var usage: TokenUsage?
    /// Events forwarded, for metrics.
    public private(set) var events = 0
    /// How many of them carried a piece of the answer: engines send one for every token.
    public internal(set) var pieces = 0
    /// The engine's name for the response (`/v1/responses` only), as soon as it has said it.
    public internal(set) var responseID: String?
    /// What an `error` event of `/v1/responses` said, which passed: a closing event may follow.
    var statedError: EngineError?

    /// - Parameters:
    ///   - model: the id under which the caller knows the serving model.
    ///   - hidesUsageChunk: true when the caller did not ask for the usage that we made the engine state.
    ///   - expectedChoices: how many were asked for: engines may write one after the other.
    public init(endpoint: Endpoint, model: ModelID, hidesUsageChunk: Bool, expectedChoices: Int = 1) {
        self.expectedChoices = expectedChoices
        self.endpoint = endpoint
        self.model = model
        self.hidesUsageChunk = hidesUsageChunk
    }

    /// Takes the next bytes and forwards the events that they complete. Only whole events leave, so a comment of ours
    /// may follow at any time.
    public mutating func receive(_ bytes: ByteBuffer, forward: (ByteBuffer) -> Void) throws(EventSplitter.TooLong) {
        // Most reads bring one event, which looks like the one before: then there is nothing to cut.
        if !splitter.isInsideEvent, shapes.areWholeEvents, let passed = shapes.pass(bytes) {
            pieces += 1
            events += 1
            return forward(passed)
        }
        try splitter.append(bytes)
        while phase.takesEvents, let event = splitter.next() {
            if let event = pass(event) {
                events += 1
                forward(event)
            }
        }
        // An LF may still follow the last CR, but nobody waits for it after the engine's last word.
        if phase.takesEvents, splitter.restIsEvent, isDone(splitter.rest), let event = pass(splitter.takeRest()) {
            events += 1
            forward(event)
        }
    }

    private func isDone(_ event: ByteBuffer) -> Bool {
        EventSplitter.payload(of: event, isFirst: isFirstEvent).map(Self.isDone) ?? false
    }

    /// How much has come that is no whole event yet, in bytes.
    public var pendingBytes: Int { splitter.pendingBytes }

    /// The engine has had its time for usage and `[DONE]`.
    /// - Returns: what is still to be sent: a missing `[DONE]`, or nothing.
    public mutating func complete() -> ByteBuffer {
        phase = .complete
        return endpoint == .responses || doneWasForwarded ? ByteBuffer() : ByteBuffer(string: "data: [DONE]\n\n")
    }

    /// The engine's body ended without an error.
    /// - Returns: nil when the stream was cut short, or failed; else what is still to be sent (a missing `[DONE]`, or
    ///   nothing).
    public mutating func end(forward: (ByteBuffer) -> Void) -> ByteBuffer? {
        let isEvent = splitter.restIsEvent
        var rest = splitter.takeRest()
        if rest.readableBytes > 0, phase.takesEvents {
            if !isEvent {
                // Half an event would be the last thing that a client chokes on before it reads our error.
                guard isWhole(rest) else { return nil }
                // A last event whose empty line the engine saved itself.
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

    private var everyChoiceIsFinished: Bool { !finished.isEmpty && open.isSubset(of: finished) }

    /// Whether an event without its empty line can be all that the engine meant to send.
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

    /// The event as the caller shall see it; nil when it shall not.
    private mutating func pass(_ event: ByteBuffer) -> ByteBuffer? {
        let event = isFirstEvent ? EventSplitter.withoutByteOrderMark(event) : event
        if let passed = shapes.pass(event) {
            pieces += 1
            return passed
        }
        defer { isFirstEvent = false }
        guard let payload = EventSplitter.payload(of: event) else {
            return passWithoutData(event)
        }
        if Self.isDone(payload) { return passDone(event) }
        let keys = endpoint == .responses ? Self.keysOfResponses : Self.keysOfChunks
        guard let chunk = JSONMembers(document: payload.bytes, keys: keys, grammar: .lenient) else {
            return passText(event, payload)
        }
        if endpoint == .responses { return passResponsesEvent(event, payload, chunk) }
        if EngineError.isStated(error: chunk["error"], object: chunk["object"]) || EventSplitter.isNamed("error", event)
        {
            return fail(payload.bytes)
        }

        let choices = chunk["choices"]?.elements ?? []
        var piece: Piece?
        // A chunk after the last finish that brings nothing is the one for usage, though it may have a choice.
        let wasFinishing = phase == .finishing
        for choice in choices {
            if let found = note(choice) { piece = found }
        }
        if piece != nil { pieces += 1 }
        if let found = chunk["usage"], let usage = TokenUsage(found) {
            self.usage = usage
            let isUsageChunk = choices.isEmpty || wasFinishing && piece == nil
            if hidesUsageChunk, isUsageChunk { return withoutUsage(event, payload, chunk["model"]) }
        } else if choices.count == 1, payload.isOneLine, !isFirstEvent, case .text(let text)? = piece {
            // Nothing in it counts but that it brings a piece.
            let model = replacement(for: chunk["model"])
            shapes.note { EventShape(event, piece: text, model: model) }
        }
        return restored(event, payload, token: chunk["model"])
    }

    /// What a choice brings of the answer.
    private enum Piece {
        /// A string in the middle of an answer, at this place in the event.
        case text(Range<Int>)
        case other
    }

    private static let keysOfChunks: JSONScanner.Keys = ["model", "choices", "usage", "error", "object"]
    private static let keysOfResponses: JSONScanner.Keys = ["type", "response", "error", "object"]

    /// - Returns: the piece of the answer that the choice brings: text, a thought, a part of a tool call.
    private mutating func note(_ choice: JSONSlice) -> Piece? {
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
                // Some engines write the word.
                isFinished = !value.isEmpty && !value.bytes.elementsEqual("\"null\"".utf8)
            } else if JSONSlice.isKey(key, "text") {
                if !value.isEmpty { found(value) }
            } else if JSONSlice.isKey(key, "delta") {
                value.forEachMember { key, value in
                    if !value.isEmpty, !JSONSlice.isKey(key, "role") { found(value) }
                }
            }
        }
        open.insert(index)
        if isFinished {
            finished.insert(index)
            if finished.count >= expectedChoices, everyChoiceIsFinished { phase = .finishing }
        } else if phase == .finishing, !finished.contains(index) {
            phase = .open
        }
        return isFinished ? piece.map { _ in .other } : piece
    }

    /// Where the engine's own id stands, and the public one; nil when they are the same.
    func replacement(for token: JSONSlice?) -> (range: Range<Int>, name: String)? {
        guard let token, let name = token.string, !name.isExactly(model.rawValue) else { return nil }
        return (token.bytes.indices, model.rawValue)
    }

    /// The event with the public id in place of the engine's own; untouched when it carries the public id already.
    func restored(_ event: ByteBuffer, _ payload: EventSplitter.Payload, token: JSONSlice?) -> ByteBuffer {
        guard let token, replacement(for: token) != nil else { return event }
        let id = JSONString.encode(model.rawValue)
        var changed = ByteBuffer()
        changed.reserveCapacity(event.readableBytes + id.utf8.count)
        if payload.isOneLine {
            let bytes = Array(event.readableBytesView)
            changed.writeBytes(bytes[..<token.bytes.startIndex])
            changed.writeString(id)
            changed.writeBytes(bytes[token.bytes.endIndex...])
        } else {
            for line in EventSplitter.otherLines(of: event, isFirst: isFirstEvent) {
                changed.writeBytes(line)
                changed.writeString("\n")
            }
            // Between JSON tokens a line break is white space, so one line says the same.
            let space: (UInt8) -> UInt8 = { $0 == 0x0A ? 0x20 : $0 }
            changed.writeString("data: ")
            changed.writeBytes(payload.bytes[..<token.bytes.startIndex].map(space))
            changed.writeString(id)
            changed.writeBytes(payload.bytes[token.bytes.endIndex...].map(space))
            changed.writeString("\n\n")
        }
        return changed
    }
}
