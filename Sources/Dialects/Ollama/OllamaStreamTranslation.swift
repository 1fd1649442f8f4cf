public import SimpleAICore

/// Translates an engine's chat completion stream into the lines of `/api/chat` or `/api/generate`.
///
/// A line carries the text or the reasoning of one chunk. Tool calls are collected, since Ollama sends whole calls, and
/// follow at the end; the last line has `done: true`, the reason and the counts. After a failed stream the owner sends
/// an error instead of calling `end`.
public struct OllamaStreamTranslation: ChatStreamTranslation, Sendable {
    private let clock: ResponseClock
    private let lines: OllamaLines
    private var template: OllamaLineTemplate?
    private var calls = OllamaToolCallCollector()
    private var (textJoiner, thinkingJoiner) = (SurrogateJoiner(), SurrogateJoiner())
    private var finishReason: String?
    private var hasEnded = false
    public private(set) var failure: String?
    public private(set) var usage: TokenUsage?

    /// - Parameters:
    ///   - endpoint: `chat` or `generate`.
    ///   - model: the model id for the client.
    ///   - clock: read for every line, since keepalives between the lines state the time, too.
    public init(endpoint: OllamaEndpoint, model: String, clock: ResponseClock) {
        self.clock = clock
        lines = OllamaLines(endpoint: endpoint, model: model)
    }

    public mutating func receive(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard !hasEnded else { return [] }
        let holdsNothing = textJoiner.isEmpty && thinkingJoiner.isEmpty
        if holdsNothing, let line = template?.line(for: payload, lines, clock) { return line }
        guard let chunk = OllamaCompletion(payload, isChunk: true) else { return [] }
        if let usage = chunk.usage { self.usage = usage }
        if let reason = chunk.finishReason, !reason.isEmpty { finishReason = reason }
        calls.receive(chunk)
        failure = calls.failure
        guard failure == nil else {
            hasEnded = true
            return []
        }
        guard chunk.text != nil || chunk.thinking != nil || chunk.logprobs != nil else { return [] }
        noteTemplate(payload, chunk)
        if holdsNothing, let line = template?.line(for: payload, lines, clock) { return line }
        let (text, thinking) = (Self.join(chunk.text, &textJoiner), Self.join(chunk.thinking, &thinkingJoiner))
        guard text != nil || thinking != nil || chunk.logprobs != nil else { return [] }
        return lines.piece(created: clock.timestamp(), text: text, thinking: thinking, logprobs: chunk.logprobs)
    }

    public mutating func end() -> [UInt8] {
        guard !hasEnded else { return [] }
        hasEnded = true
        var bytes: [UInt8] = []
        let rests = [thinkingJoiner.takeRest(), textJoiner.takeRest()].map { $0.isEmpty ? nil : Self.token($0[...]) }
        if rests[0] != nil || rests[1] != nil {
            bytes += lines.piece(created: clock.timestamp(), text: rests[1], thinking: rests[0])
        }
        let (calls, text) = OllamaToolCall.sorted(calls.take())
        if let text { bytes += lines.piece(created: clock.timestamp(), plainText: text) }
        if !calls.isEmpty { bytes += lines.piece(created: clock.timestamp(), calls: calls) }
        return bytes
            + lines.last(
                created: clock.timestamp(), reason: OllamaLines.doneReason(for: finishReason), usage: usage,
                durations: clock.durations())
    }

    /// The text with the half of a surrogate pair that the piece before it ended with; nil if nothing can be sent yet.
    private static func join(_ text: JSONSlice?, _ joiner: inout SurrogateJoiner) -> JSONSlice? {
        guard let text, text.isString else { return text }
        let heldNothing = joiner.isEmpty
        let content = joiner.join(text.stringContent)
        if heldNothing, joiner.isEmpty { return text }
        return content.isEmpty ? nil : token(content)
    }

    private static func token(_ content: ArraySlice<UInt8>) -> JSONSlice {
        JSONSlice(checked: ([UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")])[...])
    }

    /// Later chunks of this shape differ only in the text: their usage and reason, if any, are those of this chunk.
    private mutating func noteTemplate(_ payload: ArraySlice<UInt8>, _ chunk: OllamaCompletion) {
        template = nil
        guard chunk.toolCalls == nil, chunk.functionCall == nil, chunk.logprobs == nil else { return }
        switch (chunk.text, chunk.thinking) {
        case (let text?, nil): template = OllamaLineTemplate(payload, text, start: lines.textStart)
        case (nil, let thinking?): template = OllamaLineTemplate(payload, thinking, start: lines.thinkingStart)
        default: break
        }
    }
}

/// The line of a chunk that matches a template.
private struct OllamaLineTemplate: Sendable {
    private let chunk: ChunkTemplate
    private let start: [UInt8]

    /// - Parameters:
    ///   - text: a value in `payload`; nil results for one that is not a string.
    ///   - start: the bytes of the line before the text.
    init?(_ payload: ArraySlice<UInt8>, _ text: JSONSlice, start: [UInt8]) {
        guard text.isString, let chunk = ChunkTemplate(payload, piece: text.bytes.indices) else { return nil }
        (self.chunk, self.start) = (chunk, start)
    }

    /// The line for a chunk that matches and has a text.
    func line(for payload: ArraySlice<UInt8>, _ lines: OllamaLines, _ clock: ResponseClock) -> [UInt8]? {
        guard let text = chunk.piece(of: payload), !OllamaWriter.hasLineBreak(text) else { return nil }
        return lines.line(created: clock.timestamp(), start: start, content: text)
    }
}
