public import SimpleAICore

/// Translates an engine's chat completion stream into the lines of `/api/chat` or `/api/generate`.
///
/// A line carries the text or the reasoning of one chunk. Tool calls are collected, since Ollama sends whole calls, and
/// follow at the end; the last line has `done: true`, the reason and the counts. After a failed stream the owner sends
/// `OllamaErrors.line` instead of calling `end`.
public struct OllamaStreamTranslation: ChatStreamTranslation, Sendable {
    private let clock: OllamaClock
    private let lines: OllamaLines
    /// `created_at` of all lines but the last.
    private let created: String
    private var template: OllamaChunkTemplate?
    private var calls = OllamaToolCallCollector()
    private var finishReason: String?
    private var hasEnded = false
    public private(set) var usage: TokenUsage?

    /// - Parameters:
    ///   - endpoint: `chat` or `generate`.
    ///   - model: the model id for the client.
    public init(endpoint: OllamaEndpoint, model: String, clock: OllamaClock) {
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
            template = OllamaChunkTemplate(payload, text.bytes.indices, lines.textStart, lines.textEnd)
        case (nil, let thinking?):
            template = OllamaChunkTemplate(payload, thinking.bytes.indices, lines.thinkingStart, lines.thinkingEnd)
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

/// The part that consecutive chunks have in common: an engine sends hundreds of chunks that differ only in the text. A
/// chunk with the same bytes before and after the text is translated without parsing it.
struct OllamaChunkTemplate: Sendable {
    /// The bytes up to and including the quote before the text, and from the quote after it.
    private let start, end: [UInt8]
    private let lineStart, lineEnd: [UInt8]

    /// - Parameters:
    ///   - text: the range of a token in `payload`; nil results for a token that is not a string.
    ///   - lineStart: the bytes of the line before the token.
    ///   - lineEnd: the bytes of the line after the token.
    init?(_ payload: ArraySlice<UInt8>, _ text: Range<Int>, _ lineStart: [UInt8], _ lineEnd: [UInt8]) {
        guard text.count >= 2, payload[text.lowerBound] == UInt8(ascii: "\"") else { return nil }
        start = Array(payload[...text.lowerBound])
        end = Array(payload[(text.upperBound - 1)...])
        (self.lineStart, self.lineEnd) = (lineStart, lineEnd)
    }

    /// The line for a chunk that matches and has a text.
    func line(for payload: ArraySlice<UInt8>) -> [UInt8]? {
        let length = payload.count - start.count - end.count
        guard length > 0, Self.isEqual(payload.prefix(start.count), start), Self.isEqual(payload.suffix(end.count), end)
        else { return nil }
        let text = payload.dropFirst(start.count).prefix(length)
        guard OllamaWriter.isSafe(content: text) else { return nil }
        var line: [UInt8] = []
        line.reserveCapacity(lineStart.count + lineEnd.count + length + 2)
        line += lineStart
        line.append(UInt8(ascii: "\""))
        line += text
        line.append(UInt8(ascii: "\""))
        line += lineEnd
        return line
    }

    /// Compares eight bytes at a time. Both have the same length.
    private static func isEqual(_ bytes: ArraySlice<UInt8>, _ expected: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            expected.withUnsafeBytes { expected in
                guard bytes.count == expected.count else { return false }
                var index = 0
                while index + 8 <= bytes.count {
                    let left = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    guard left == expected.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
                    index += 8
                }
                while index < bytes.count {
                    guard bytes[index] == expected[index] else { return false }
                    index += 1
                }
                return true
            }
        }
    }
}
