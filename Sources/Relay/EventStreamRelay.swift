public import NIOCore
public import SimpleAICore

/// Follows an engine's event stream on its way to the caller: forwards every whole event as it arrives, restores the
/// public model id, takes out the usage chunk that only we asked for, and knows whether the stream was complete.
///
/// Complete means: every choice has its `finish_reason` (`/v1/responses`: a closing event came) and the engine ended
/// cleanly. Bytes that need no change pass untouched.
public struct EventStreamRelay {
    private let endpoint: Endpoint
    private let model: ModelID
    private let hidesUsageChunk: Bool
    private var splitter = EventSplitter()
    private var shapes = EventShapes()
    private var open: Set<Int> = []
    private var finished: Set<Int> = []
    private var responseIsClosed = false
    private var doneWasForwarded = false
    private var isFirstEvent = true
    public private(set) var usage: TokenUsage?
    /// Events forwarded, for metrics.
    public private(set) var events = 0
    /// How many of them carried a piece of the answer: engines send one for every token.
    public private(set) var pieces = 0
    /// The engine's name for the response (`/v1/responses` only), as soon as it has said it.
    public private(set) var responseID: String?

    /// - Parameters:
    ///   - model: the id under which the caller knows the serving model.
    ///   - hidesUsageChunk: true when the caller did not ask for the chunk that we made the engine send.
    public init(endpoint: Endpoint, model: ModelID, hidesUsageChunk: Bool) {
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
        while let event = splitter.next() {
            if let event = pass(event) {
                events += 1
                forward(event)
            }
        }
    }

    /// The engine's body ended without an error.
    /// - Returns: nil when the stream was cut short; else what is still to be sent (a missing `[DONE]`, or nothing).
    public mutating func end(forward: (ByteBuffer) -> Void) -> ByteBuffer? {
        let isEvent = splitter.restIsEvent
        var rest = splitter.takeRest()
        if rest.readableBytes > 0 {
            if !isEvent {
                // Half an event would be the last thing that a client chokes on before it reads our error.
                guard isWhole(rest) else { return nil }
                // A last event whose empty line the engine saved itself.
                rest.writeString("\n\n")
            }
            if let event = pass(rest) { forward(event) }
        }
        guard isComplete else { return nil }
        return endpoint == .responses || doneWasForwarded ? ByteBuffer() : ByteBuffer(string: "data: [DONE]\n\n")
    }

    private var isComplete: Bool {
        endpoint == .responses ? responseIsClosed : !finished.isEmpty && open.isSubset(of: finished)
    }

    /// Whether an event without its empty line can be all that the engine meant to send.
    private func isWhole(_ rest: ByteBuffer) -> Bool {
        guard let payload = EventSplitter.payload(of: rest, isFirst: isFirstEvent) else {
            return rest.readableBytesView.allSatisfy { $0 == 0x0A || $0 == 0x0D }
        }
        return payload.bytes.elementsEqual("[DONE]".utf8) || JSONSlice(document: payload.bytes) != nil
    }

    /// The event as the caller shall see it; nil when it shall not. A `[DONE]` passes only when it is true.
    private mutating func pass(_ event: ByteBuffer) -> ByteBuffer? {
        if let passed = shapes.pass(event) {
            pieces += 1
            return passed
        }
        defer { isFirstEvent = false }
        guard let payload = EventSplitter.payload(of: event, isFirst: isFirstEvent) else { return event }
        if endpoint != .responses, payload.bytes.elementsEqual("[DONE]".utf8) {
            guard isComplete, !doneWasForwarded else { return nil }
            doneWasForwarded = true
            return event
        }
        let keys = endpoint == .responses ? Self.keysOfResponses : Self.keysOfChunks
        guard let chunk = JSONMembers(document: payload.bytes, keys: keys) else { return event }
        if endpoint == .responses { return passResponsesEvent(event, payload, chunk) }

        let choices = chunk["choices"]?.elements ?? []
        var piece: Piece?
        for choice in choices {
            if let found = note(choice) { piece = found }
        }
        if piece != nil { pieces += 1 }
        if let found = chunk["usage"], let usage = TokenUsage(found) {
            self.usage = usage
            if hidesUsageChunk, choices.isEmpty { return nil }
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

    private static let keysOfChunks: JSONScanner.Keys = ["model", "choices", "usage"]
    private static let keysOfResponses: JSONScanner.Keys = ["type", "response"]

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
                isFinished = !value.isNull
            } else if JSONSlice.isKey(key, "text") {
                if !value.isEmpty { found(value) }
            } else if JSONSlice.isKey(key, "delta") {
                value.forEachMember { key, value in
                    if !value.isEmpty, !JSONSlice.isKey(key, "role") { found(value) }
                }
            }
        }
        open.insert(index)
        if isFinished { finished.insert(index) }
        return isFinished ? piece.map { _ in .other } : piece
    }

    private mutating func passResponsesEvent(
        _ event: ByteBuffer, _ payload: EventSplitter.Payload, _ chunk: JSONMembers
    ) -> ByteBuffer {
        let response = chunk["response"]
        if responseID == nil { responseID = response?["id"]?.string }
        let type = chunk["type"]?.string ?? ""
        switch type {
        case "response.completed", "response.incomplete", "response.failed":
            responseIsClosed = true
            if let found = response?["usage"], let usage = TokenUsage(found) { self.usage = usage }
        default: if type.hasSuffix(".delta") { pieces += 1 }
        }
        return restored(event, payload, token: response?["model"])
    }

    /// Where the engine's own id stands, and the public one; nil when they are the same.
    private func replacement(for token: JSONSlice?) -> (range: Range<Int>, name: String)? {
        guard let token, let name = token.string, name != model.rawValue else { return nil }
        return (token.bytes.indices, model.rawValue)
    }

    /// The event with the public id in place of the engine's own; untouched when it carries the public id already.
    private func restored(_ event: ByteBuffer, _ payload: EventSplitter.Payload, token: JSONSlice?) -> ByteBuffer {
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
