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
    /// token count.
    public init?(_ usage: JSONSlice) {
        var (prompt, completion): (Int?, Int?)
        // The names of `/v1/responses` apply if the names of the other endpoints are absent.
        var (input, output, total): (Int?, Int?, Int?)
        var (promptDetails, completionDetails): (JSONSlice?, JSONSlice?)
        var (inputDetails, outputDetails): (JSONSlice?, JSONSlice?)
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
                promptDetails = value
            } else if isNamed("completion_tokens_details") {
                completionDetails = value
            } else if isNamed("input_tokens_details") {
                inputDetails = value
            } else if isNamed("output_tokens_details") {
                outputDetails = value
            }
        }
        (prompt, completion) = (prompt ?? input, completion ?? output)
        // Embeddings: an engine that states only the total has generated no tokens.
        if prompt == nil, completion == nil { prompt = total }
        guard prompt != nil || completion != nil else { return nil }
        let cached = (promptDetails ?? inputDetails)?["cached_tokens"]?.integer
        let reasoning = (completionDetails ?? outputDetails)?["reasoning_tokens"]?.integer
        self.prompt = max(0, prompt ?? 0)
        self.completion = max(0, completion ?? 0)
        // These tokens are parts of the counts above, whatever the engine states.
        self.cached = min(max(0, cached ?? 0), self.prompt)
        self.reasoning = min(max(0, reasoning ?? 0), self.completion)
    }
}
