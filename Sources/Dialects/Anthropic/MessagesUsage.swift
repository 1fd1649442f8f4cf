import SimpleAICore

extension TokenUsage {
    /// Reads the `usage` object of a message: unlike in OpenAI's APIs, `input_tokens` excludes cached tokens. Nil if it
    /// contains no token count.
    init?(ofMessage usage: JSONSlice) {
        var counts = MessageTokenCounts()
        counts.merge(usage)
        guard let usage = counts.usage else { return nil }
        self = usage
    }
}

/// The token counts that an engine's `usage` objects state; the later object of a stream completes the earlier one.
struct MessageTokenCounts: Hashable, Sendable {
    private var input: Int?
    private var output: Int?
    private var cacheRead = 0
    private var cacheCreation = 0

    mutating func merge(_ usage: JSONSlice) {
        if let count = Self.count(usage["output_tokens"]) { output = count }
        // Some engines state zero in `message_delta` for what `message_start` has stated.
        if let count = Self.count(usage["input_tokens"]), count > 0 || input == nil { input = count }
        if let count = Self.count(usage["cache_read_input_tokens"]), count > 0 { cacheRead = count }
        if let count = Self.count(usage["cache_creation_input_tokens"]), count > 0 { cacheCreation = count }
    }

    /// Nil if no count was stated.
    var usage: TokenUsage? {
        guard input != nil || output != nil else { return nil }
        return TokenUsage(
            prompt: (input ?? 0) + cacheRead + cacheCreation, completion: output ?? 0, cached: cacheRead)
    }

    /// Counts beyond any context length are not counts.
    private static let maxCount = 1 << 40

    private static func count(_ value: JSONSlice?) -> Int? {
        value?.integer.flatMap { (0...maxCount).contains($0) ? $0 : nil }
    }
}

extension MessageBytes {
    /// Writes a `usage` object; zeros if the engine stated no usage.
    mutating func write(usage: TokenUsage?) {
        let usage = usage ?? TokenUsage(prompt: 0, completion: 0)
        write("{\"input_tokens\":")
        write(number: max(0, usage.prompt - usage.cached))
        write(",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":")
        write(number: usage.cached)
        write(",\"output_tokens\":")
        write(number: usage.completion)
        write("}")
    }
}
