/// The numbers of tokens in an engine's words.
struct ContextLengthCounts: Hashable, Sendable {
    private(set) var prompt: Int?
    private(set) var completion: Int?
    private(set) var limit: Int?

    /// Wordings with their numbers: `P` the prompt, `C` the completion, `L` the limit, `N` another number; `*` is any
    /// text.
    private static let patterns: [BytePattern] = [
        "prompt is too long: {P} tokens > {L}",
        "request ({P} tokens) exceeds the available context size ({L} tokens",  // llama.cpp
        "requested tokens ({P}) exceed context window of {L}",  // llama-cpp-python
        "context length is {L} tokens*you requested {N} tokens ({P} in the messages, {C} in the completion",
        "context length is {L} tokens*you requested {N} tokens ({P} in your prompt; {C} for the completion",
        "context length is {L} tokens*your messages resulted in {P} tokens",
        "is too large: {C}*context length is {L} tokens and your request has {P} input tokens",
        "passed {P} input tokens and requested {C} output tokens*context length is only {L}",
        "context length of {L} tokens*: {P} tokens from the input messages and {C} tokens for the completion",
        "context length is {L} tokens*you requested {P} tokens",
        "(length {P}) is longer than the maximum model length of {L}",
        "(total length {P}) is too long to fit into the model (context length {L}",
        "input prompt ({P} tokens) is too long and exceeds limit of {L}",
        "input ({P} tokens) is longer than the model's context length ({L} tokens",
        "input length ({P} tokens) exceeds the maximum allowed length ({L} tokens",
        "must be <= {L}. given: {P} `inputs` tokens and {C} `max_new_tokens`",
        "must have less than {L} tokens. given: {P}",
        "keep the first {P} tokens*context length of only {L} tokens",
        "n_keep ({P}) >= n_ctx ({L})", "n_keep: {P}>= n_ctx: {L}",
        "input length {P} exceeds context length {L}",
        "prompt too long: {P} tokens exceeds max context window of {L}",
    ].map { BytePattern($0) }

    /// - Parameter words: in lower case.
    init(_ words: [UInt8]) {
        for pattern in Self.patterns {
            guard let numbers = pattern.numbers(in: words) else { continue }
            for (name, number) in numbers {
                switch name {
                case UInt8(ascii: "P"): prompt = number
                case UInt8(ascii: "C"): completion = number
                case UInt8(ascii: "L"): limit = number
                default: break
                }
            }
            return
        }
    }
}
