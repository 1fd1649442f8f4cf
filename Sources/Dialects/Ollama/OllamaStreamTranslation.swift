public import SimpleAICore

/// Translates an engine's chat completion stream into the lines of `/api/chat` or `/api/generate`.
///
/// A line carries the text or the reasoning of one chunk. Tool calls are collected, since Ollama sends whole calls, and
/// follow at the end; the last line has `done: true`, the reason and the counts. After a failed stream the owner sends
/// `OllamaErrors.line` instead of calling `end`.
public struct OllamaStreamTranslation: ChatStreamTranslation, Sendable {
    private let clock: ResponseClock
    private let lines: OllamaLines
    /// `created_at` of all lines but the last.
    private let created: String
    private var template: OllamaLineTemplate?
    private var calls = OllamaToolCallCollector()
    private var finishReason: String?
    private var hasEnded = false
    public private(set) var usage: TokenUsage?

    /// - Parameters:
    ///   - endpoint: `chat` or `generate`.
    ///   - model: the model id for the client.
    public init(endpoint: OllamaEndpoint, model: String, clock: ResponseClock) {
        self.clock = clock
        created = clock.timestamp()
        lines = OllamaLines(endpoint: endpoint, model: model, created: created)
    }

    public mutating func receive(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard !hasEnded else { return [] }
        if let line = template?.line(for: payload) { return line }
        guard let chunk = OllamaCompletion(payload) else { return [] }
        if let usage = chunk.usage { self.usage = usage }
        if let reason = chunk.finishReason, !reason.isEmpty { finishReason = reason }
        if let list = chunk.toolCalls {
            calls.receive(list)
            if calls.isOverflowing { return failForSize() }
        }
        guard chunk.text != nil || chunk.thinking != nil || chunk.logprobs != nil else { return [] }
        noteTemplate(payload, chunk)
        if let line = template?.line(for: payload) { return line }
        return lines.piece(created: created, text: chunk.text, thinking: chunk.thinking, logprobs: chunk.logprobs)
    }

    public mutating func end() -> [UInt8] {
        guard !hasEnded else { return [] }
        hasEnded = true
        var bytes: [UInt8] = []
        let (calls, text) = calls.take()
        if let text { bytes += lines.piece(created: created, plainText: text) }
        if !calls.isEmpty { bytes += lines.piece(created: created, calls: calls) }
        return bytes
            + lines.last(
                created: clock.timestamp(), reason: OllamaLines.doneReason(for: finishReason), usage: usage,
                durations: clock.durations())
    }

    /// Later chunks of this shape differ only in the text: their usage and reason, if any, are those of this chunk.
    private mutating func noteTemplate(_ payload: ArraySlice<UInt8>, _ chunk: OllamaCompletion) {
        template = nil
        guard chunk.toolCalls == nil, chunk.logprobs == nil else { return }
        switch (chunk.text, chunk.thinking) {
        case (let text?, nil):
            template = OllamaLineTemplate(payload, text.bytes.indices, lines.textStart, lines.textEnd)
        case (nil, let thinking?):
            template = OllamaLineTemplate(payload, thinking.bytes.indices, lines.thinkingStart, lines.thinkingEnd)
        default: break
        }
    }

    private mutating func failForSize() -> [UInt8] {
        hasEnded = true
        return OllamaErrors.line(
            "The engine's tool calls exceed \(OllamaToolCallCollector.maxCalls) calls or "
                + "\(OllamaToolCallCollector.maxSize >> 20) MiB.")
    }
}

/// The line of a chunk that matches a template.
private struct OllamaLineTemplate: Sendable {
    private let chunk: ChunkTemplate
    private let lineStart, lineEnd: [UInt8]

    /// - Parameters:
    ///   - text: the range of a token in `payload`; nil results for a token that is not a string.
    ///   - lineStart: the bytes of the line before the token.
    ///   - lineEnd: the bytes of the line after the token.
    init?(_ payload: ArraySlice<UInt8>, _ text: Range<Int>, _ lineStart: [UInt8], _ lineEnd: [UInt8]) {
        guard let chunk = ChunkTemplate(payload, piece: text), payload[text.lowerBound] == UInt8(ascii: "\"") else {
            return nil
        }
        self.chunk = chunk
        (self.lineStart, self.lineEnd) = (lineStart, lineEnd)
    }

    /// The line for a chunk that matches and has a text.
    func line(for payload: ArraySlice<UInt8>) -> [UInt8]? {
        guard let text = chunk.piece(of: payload), !OllamaWriter.hasLineBreak(text) else { return nil }
        var line: [UInt8] = []
        line.reserveCapacity(lineStart.count + lineEnd.count + text.count + 2)
        line += lineStart
        line.append(UInt8(ascii: "\""))
        line += text
        line.append(UInt8(ascii: "\""))
        line += lineEnd
        return line
    }
}
