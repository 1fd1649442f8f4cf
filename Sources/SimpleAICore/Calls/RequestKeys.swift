/// The keys of a request body that the gateway or an agent reads or writes, on any path.
///
/// One list for all paths, because engines read most of these keys on most paths: a key without effect on one path may
/// have one on the next hop. Code that reads or writes another key must add it here, except `BodyEdits`, which changes a
/// key in all its spellings.
public enum RequestKeys {
    /// Keys of the body itself.
    public static let body = JSONScanner.Keys(refusingVariantsOf: [
        "model", "stream", "stream_options", "messages", "prompt", "input", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "user", "previous_response_id", "n", "query", "content", "prompt_embeds", "conversation",
        "endpoint",
    ])
    /// Keys of `stream_options`.
    public static let streamOptions = JSONScanner.Keys(refusingVariantsOf: ["include_usage"])
}
