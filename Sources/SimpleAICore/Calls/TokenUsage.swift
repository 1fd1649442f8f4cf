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

    /// Reads an answer's `usage` object; `/v1/responses` names the same numbers differently. Nil when it holds neither
    /// tokens taken nor tokens made.
    public init?(_ usage: JSONSlice) {
        let prompt = usage["prompt_tokens"]?.integer ?? usage["input_tokens"]?.integer
        let completion = usage["completion_tokens"]?.integer ?? usage["output_tokens"]?.integer
        guard prompt != nil || completion != nil else { return nil }
        let cached = (usage["prompt_tokens_details"] ?? usage["input_tokens_details"])?["cached_tokens"]?.integer
        let reasoning =
            (usage["completion_tokens_details"] ?? usage["output_tokens_details"])?["reasoning_tokens"]?.integer
        self.prompt = max(0, prompt ?? 0)
        self.completion = max(0, completion ?? 0)
        // They are parts; an engine that says more than there is does not make them more.
        self.cached = min(max(0, cached ?? 0), self.prompt)
        self.reasoning = min(max(0, reasoning ?? 0), self.completion)
    }
}
