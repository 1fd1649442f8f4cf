/// The tokens of a call, as its engine counted them.
public struct TokenUsage: Hashable, Sendable {
    public var prompt: Int
    public var completion: Int
    /// The tokens of `prompt` that came from the engine's prompt cache.
    public var cached: Int
    /// The reasoning tokens of `completion`, which callers do not see.
    public var reasoning: Int

    public init(prompt: Int, completion: Int, cached: Int = 0, reasoning: Int = 0) {
        self.prompt = prompt
        self.completion = completion
        self.cached = cached
        self.reasoning = reasoning
    }

    /// Reads a response's `usage` object; `/v1/responses` uses other names for the same numbers. Nil if it contains no
    /// number of tokens.
    public init?(_ usage: JSONSlice) {
        var (prompt, completion): (Int?, Int?)
        // The names of `/v1/responses` apply if the names of the other endpoints are absent.
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
        // An engine that states only the sum generated nothing: embeddings.
        if prompt == nil, completion == nil { prompt = total }
        guard prompt != nil || completion != nil else { return nil }
        let cached = (taken ?? takenToo)?["cached_tokens"]?.integer
        let reasoning = (made ?? madeToo)?["reasoning_tokens"]?.integer
        self.prompt = max(0, prompt ?? 0)
        self.completion = max(0, completion ?? 0)
        // These tokens are a part of the others; an engine that states more cannot exceed the whole.
        self.cached = min(max(0, cached ?? 0), self.prompt)
        self.reasoning = min(max(0, reasoning ?? 0), self.completion)
    }
}
