/// How many tokens a call took and made, as its engine counted them.
public struct TokenUsage: Hashable, Sendable {
    public var prompt: Int
    public var completion: Int

    public init(prompt: Int, completion: Int) {
        self.prompt = prompt
        self.completion = completion
    }

    /// Reads an answer's `usage` object; `/v1/responses` names the same numbers differently. Nil when it holds neither.
    public init?(_ usage: JSONSlice) {
        let prompt = usage["prompt_tokens"]?.integer ?? usage["input_tokens"]?.integer
        let completion = usage["completion_tokens"]?.integer ?? usage["output_tokens"]?.integer
        guard prompt != nil || completion != nil else { return nil }
        self.prompt = max(0, prompt ?? 0)
        self.completion = max(0, completion ?? 0)
    }
}
