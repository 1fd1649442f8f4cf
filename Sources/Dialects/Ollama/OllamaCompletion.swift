import SimpleAICore

/// The members of an engine's chat completion, or of one chunk of it, that have a place in Ollama's responses. Only the
/// first choice is read, because Ollama has one.
struct OllamaCompletion {
    private(set) var text: JSONSlice?
    private(set) var thinking: JSONSlice?
    private(set) var toolCalls: JSONSlice?
    /// A call as in older versions of the API.
    private(set) var functionCall: JSONSlice?
    private(set) var logprobs: JSONSlice?
    private(set) var finishReason: String?
    let usage: TokenUsage?
    /// Whether there is a first choice.
    private(set) var hasChoice = false

    private static let keys: JSONScanner.Keys = ["choices", "usage"]

    /// - Parameter isChunk: whether it is a chunk of a stream, in which a message beside a delta repeats all of it.
    /// - Returns: nil if the bytes are not a JSON object.
    init?(_ document: ArraySlice<UInt8>, isChunk: Bool) {
        guard let members = JSONMembers(document: document, keys: Self.keys, grammar: .lenient) else { return nil }
        usage = members["usage"].flatMap { TokenUsage($0) }
        for choice in members["choices"]?.elements ?? [] where choice.isObject {
            var index = 0
            var (delta, message): (JSONSlice?, JSONSlice?)
            var reason: String?
            var (text, logprobs): (JSONSlice?, JSONSlice?)
            choice.forEachMember { key, value in
                if JSONSlice.isKey(key, "index") {
                    index = value.integer ?? 0
                } else if JSONSlice.isKey(key, "delta") {
                    delta = value.isObject ? value : nil
                } else if JSONSlice.isKey(key, "message") {
                    message = value.isObject ? value : nil
                } else if JSONSlice.isKey(key, "finish_reason") {
                    reason = value.string
                } else if JSONSlice.isKey(key, "text") {
                    text = value
                } else if JSONSlice.isKey(key, "logprobs") {
                    logprobs = value
                }
            }
            guard index == 0 else { continue }
            (hasChoice, finishReason) = (true, reason)
            self.text = text.flatMap { $0.isEmpty ? nil : $0 }
            // Token probabilities may contain infinite numbers, which JSON does not have.
            self.logprobs = logprobs?["content"].flatMap {
                $0.isEmpty || JSONSlice(document: $0.bytes) == nil ? nil : $0
            }
            if let content = isChunk ? delta ?? message : message ?? delta { read(content) }
            return
        }
    }

    /// Reads a message or a delta.
    private mutating func read(_ content: JSONSlice) {
        var (text, refusal, thinking, reasoning): (JSONSlice?, JSONSlice?, JSONSlice?, JSONSlice?)
        var calls: JSONSlice?
        content.forEachMember { key, value in
            guard !value.isEmpty else { return }
            if JSONSlice.isKey(key, "content") {
                text = value
            } else if JSONSlice.isKey(key, "reasoning_content") {
                thinking = value
            } else if JSONSlice.isKey(key, "reasoning") {
                reasoning = value
            } else if JSONSlice.isKey(key, "tool_calls") {
                calls = value
            } else if JSONSlice.isKey(key, "function_call") {
                functionCall = value.isObject ? value : nil
            } else if JSONSlice.isKey(key, "refusal") {
                refusal = value
            }
        }
        self.text = self.text ?? text ?? refusal
        self.thinking = thinking ?? reasoning
        toolCalls = calls
    }
}
