public import SimpleAICore

/// Translates an engine's chat completion stream into a message stream.
///
/// A message has one open block at a time, whereas chunks may carry several calls at once: a later block is kept until the
/// open one is complete. Every block that was started is stopped before the message ends.
public struct MessagesStreamTranslation: ChatStreamTranslation, Sendable {
    /// Maximum number of kept bytes; a stream that exceeds it fails.
    public static let maxKeptBytes = 4 << 20

    private struct Block {
        var kind: MessageEvents.BlockKind
        /// The position in the table of calls.
        var call: Int?
        /// What is not sent yet, as the content of a string token.
        var kept: [UInt8] = []
        var joiner = SurrogateJoiner()
    }

    private let model: String
    private let messageID: String
    private let includesThinking: Bool
    private var isStarted = false
    private var isEnded = false
    /// The first block is open if `openIndex` is set; the others wait.
    private var blocks: [Block] = []
    private var openIndex: Int?
    private var nextIndex = 0
    private var keptBytes = 0
    private var table = ToolCallTable()
    /// The positions of the calls whose blocks are stopped.
    private var stoppedCalls: Set<Int> = []
    private var usedIDs: Set<ExactString> = []
    private var sentCallCount = 0
    private var reason = MessageStopReason()
    private var template: (chunk: ChunkTemplate, kind: MessageEvents.BlockKind)?
    private var deltaStart: [UInt8] = []
    /// Number of chunks that were translated without parsing them.
    package private(set) var unparsedChunks = 0
    public private(set) var failure: String?
    /// Nil if the engine has stated no usage yet.
    public private(set) var usage: TokenUsage?

    /// - Parameters:
    ///   - model: the public id of the serving model.
    ///   - messageID: the id of the message, see `AnthropicMessages.messageID(for:)`.
    ///   - includesThinking: whether the client asked for `thinking` blocks.
    public init(model: String, messageID: String, includesThinking: Bool = true) {
        self.model = model
        self.messageID = messageID
        self.includesThinking = includesThinking
    }

    public mutating func receive(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard !isEnded else { return [] }
        // Most chunks differ from the previous one only in their piece of text.
        if let template, blocks.count == 1, openIndex != nil, blocks[0].kind == template.kind,
            blocks[0].joiner.isEmpty, let piece = template.chunk.piece(of: payload)
        {
            unparsedChunks += 1
            return delta(piece)
        }
        guard let chunk = ChatChunk(payload) else { return [] }
        var events = MessageEvents()
        start(&events)
        read(chunk, &events)
        if let piece = chunk.onlyPiece, let kind = blocks.last?.kind, kind != .tool {
            // Only a chunk of text is a template for text, and only one of reasoning for reasoning.
            let isText = !chunk.text.isEmpty
            if isText == (kind == .text) { template = ChunkTemplate(payload, piece: piece).map { ($0, kind) } }
        }
        return events.output.bytes
    }

    public mutating func end() -> [UInt8] {
        guard !isEnded else { return [] }
        isEnded = true
        var events = MessageEvents()
        start(&events)
        while !blocks.isEmpty {
            open(&events, evenUnnamed: true)
            stopFirst(&events)
        }
        events.end(reason, hasToolCalls: sentCallCount > 0, usage: usage)
        return events.output.bytes
    }

    // MARK: Chunks

    private mutating func start(_ events: inout MessageEvents) {
        guard !isStarted else { return }
        isStarted = true
        events.start(messageID: messageID, model: model)
    }

    private mutating func read(_ chunk: ChatChunk, _ events: inout MessageEvents) {
        if includesThinking {
            for piece in chunk.reasoning { append(piece, .thinking, call: nil, &events) }
        }
        for piece in chunk.text { append(piece, .text, call: nil, &events) }
        if let refusal = chunk.refusal {
            reason.isRefusal = true
            append(refusal.strictStringContent, .text, call: nil, &events)
        }
        for call in chunk.calls where failure == nil {
            if let (position, piece) = table.receive(call) { append(piece, .tool, call: position, &events) }
        }
        if let call = chunk.functionCall, let (position, piece) = table.receive(functionCall: call) {
            append(piece, .tool, call: position, &events)
        }
        if table.isOverflowing { fail("more than \(ToolCallTable.maxCount) tool calls") }
        if let stated = chunk.finishReason { reason.record(finishReason: stated) }
        if let sequence = chunk.stopSequence { reason.record(stopSequence: sequence) }
        if let stated = chunk.usage, let usage = TokenUsage(stated) { self.usage = usage }
    }

    /// Adds a piece to the block that it belongs to, and sends what can be sent.
    private mutating func append(
        _ piece: ArraySlice<UInt8>, _ kind: MessageEvents.BlockKind, call: Int?, _ events: inout MessageEvents
    ) {
        if let call {
            // Nothing can follow complete arguments.
            guard !stoppedCalls.contains(call) else { return }
            if let found = blocks.lastIndex(where: { $0.call == call }) {
                keep(piece, in: found)
            } else {
                blocks.append(Block(kind: kind, call: call))
                keep(piece, in: blocks.count - 1)
            }
        } else {
            if blocks.last?.kind != kind { blocks.append(Block(kind: kind)) }
            keep(piece, in: blocks.count - 1)
        }
        advance(&events)
    }

    private mutating func keep(_ piece: ArraySlice<UInt8>, in block: Int) {
        let piece = blocks[block].joiner.join(piece)
        blocks[block].kept += piece
        keptBytes += piece.count
    }

    /// Sends what the first block has, and stops it once a later one waits and it is complete.
    private mutating func advance(_ events: inout MessageEvents) {
        while !blocks.isEmpty, open(&events, evenUnnamed: false), blocks.count > 1, isFirstComplete {
            stopFirst(&events)
        }
        // A call that is cut would look complete to the client.
        if keptBytes + table.keptBytes > Self.maxKeptBytes {
            fail("tool calls of more than \(Self.maxKeptBytes >> 20) MiB at once")
        }
    }

    private mutating func fail(_ reason: String) {
        isEnded = true
        failure = failure ?? reason
    }

    /// Whether nothing can follow in the first block, of several.
    private var isFirstComplete: Bool {
        guard let position = blocks[0].call else { return true }
        let call = table.calls[position]
        guard call.hasOnlyEmptyObject else { return call.isComplete }
        // The arguments may still follow, unless something else than the beginning of another call does.
        return blocks.dropFirst().contains { block in
            guard let call = block.call.map({ table.calls[$0] }) else { return true }
            return call.hasArguments && !call.hasOnlyEmptyObject
        }
    }

    /// Opens the first block, unless it is a call whose name is unknown yet, and sends what it keeps.
    /// - Returns: whether it is open.
    @discardableResult
    private mutating func open(_ events: inout MessageEvents, evenUnnamed: Bool) -> Bool {
        let block = blocks[0]
        if openIndex == nil {
            var (id, name): ([UInt8], [UInt8]) = ([], [])
            if let position = block.call {
                let call = table.calls[position]
                guard call.name != nil || evenUnnamed && call.hasArguments else { return false }
                id = ToolCallNames.id(call.id, of: messageID, number: sentCallCount, used: &usedIDs)
                name = ToolCallNames.name(call.name)
                sentCallCount += 1
            }
            events.startBlock(nextIndex, block.kind, id: id, name: name)
            deltaStart = MessageEvents.deltaStart(nextIndex, block.kind)
            openIndex = nextIndex
            nextIndex += 1
        }
        if !block.kept.isEmpty {
            events.output.write(deltaStart[...])
            events.output.write(block.kept[...])
            events.output.write(MessageEvents.deltaEnd[...])
            keptBytes -= block.kept.count
            blocks[0].kept = []
        }
        return true
    }

    /// Removes the first block, and stops it if it is open.
    private mutating func stopFirst(_ events: inout MessageEvents) {
        var block = blocks.removeFirst()
        keptBytes -= block.kept.count
        var rest = block.joiner.takeRest()
        if let call = block.call {
            stoppedCalls.insert(call)
            rest += table.takeHeld(at: call)
        }
        guard let index = openIndex else { return }
        openIndex = nil
        if !rest.isEmpty { events.output.write(delta(rest[...])[...]) }
        events.stopBlock(index, block.kind)
    }

    /// The event of a piece of the open block.
    private func delta(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        let end = MessageEvents.deltaEnd
        var event: [UInt8] = []
        event.reserveCapacity(deltaStart.count + piece.count + end.count)
        event += deltaStart
        event += piece
        event += end
        return event
    }
}
