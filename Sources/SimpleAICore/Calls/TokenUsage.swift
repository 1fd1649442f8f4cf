/// How many tokens a call took and made, as its engine counted them.
public struct TokenUsage: Hashable, Sendable {
    public var prompt: Int
    public var completion: Int
    /// Those of `prompt` that the engine did not have to read again.
    public var cached: Int
    /// Those of `completion` that were thoughts, which callers do not see.
    public var reasoning: Int

    public init(prompt: Int, completion: Int, cached: Int = 0, reasoning: Int = 0) {
        self.prompt = prompt
        self.completion = completion
        self.cached = cached
        self.reasoning = reasoning
    }

    /// Reads an answer's `usage` object; `/v1/responses` names the same numbers differently. Nil when it holds no
    /// number of tokens.
    public init?(_ usage: JSONSlice) {
        var (prompt, completion): (Int?, Int?)
        // The names of `/v1/responses` count where those of the other endpoints say nothing.
        var (input, output, total): (Int?, Int?, Int?)
        var (taken, made, takenToo, madeToo): (JSONSlice?, JSONSlice?, JSONSlice?, JSONSlice?)
        usage.forEachMember { key, value in
            func isNamed(_ name: String) -> Bool { JSONSlice.isKey(key, name) }
            if isNamed("prompt_tokens") {
                prompt = value.integer
            } else if isNamed("completion_tokens") {
                completion = value.integer
            } else if isNamed("input_tokens") {
                input = value.integer
            } else if isNamed("output_tokens") {
                output = value.integer
            } else if isNamed("total_tokens") {
                total = value.integer
            } else if isNamed("prompt_tokens_details") {
                taken = value
            } else if isNamed("completion_tokens_details") {
                made = value
            } else if isNamed("input_tokens_details") {
                takenToo = value
            } else if isNamed("output_tokens_details") {
                madeToo = value
            }
        }
        (prompt, completion) = (prompt ?? input, completion ?? output)
        // An engine that states the sum alone made nothing of it: embeddings.
        if prompt == nil, completion == nil { prompt = total }
        guard prompt != nil || completion != nil else { return nil }
        let cached = (taken ?? takenToo)?["cached_tokens"]?.integer
        let reasoning = (made ?? madeToo)?["reasoning_tokens"]?.integer
        self.prompt = max(0, prompt ?? 0)
        self.completion = max(0, completion ?? 0)
        // They are parts; an engine that says more than there is does not make them more.
        self.cached = min(max(0, cached ?? 0), self.prompt)
        self.reasoning = min(max(0, reasoning ?? 0), self.completion)
    }
}
