public import SimpleAICore

/// An engine's refusal of a prompt that does not fit into the model's context.
///
/// Claude Code starts compaction on the words "prompt is too long", reads the two counts after them, and repeats the
/// request with a lower `max_tokens` if the prompt alone fits and the message has Anthropic's words for that case.
public struct ContextLengthError: Hashable, Sendable {
    /// The message for the client: the phrase that clients look for, followed by the engine's words.
    public let message: String
    let counts: ContextLengthCounts

    /// - Parameter status: the engine's status. Errors about credentials and rates may mention lengths, too.
    /// - Returns: nil for other errors.
    public init?(_ engine: EngineError, status: Int) {
        guard ![401, 403, 429].contains(status), let words = engine.message ?? engine.type else { return nil }
        let texts = [engine.message, engine.type, engine.code].compactMap { $0.map { Array($0.lowercased().utf8) } }
        guard texts.contains(where: Self.isAboutContext) else { return nil }
        counts = ContextLengthCounts(Array(words.lowercased().utf8))
        if Self.contains(Array(words.lowercased().utf8), Self.phrase) {
            message = words
        } else if let prompt = counts.prompt, let limit = counts.limit, prompt > limit {
            message = "prompt is too long: \(prompt) tokens > \(limit) maximum. \(words)"
        } else if let prompt = counts.prompt, let limit = counts.limit, let completion = counts.completion,
            prompt < limit, completion > limit - prompt
        {
            message =
                "prompt is too long: input length and `max_tokens` exceed context limit: "
                + "\(prompt) + \(completion) > \(limit). \(words)"
        } else {
            message = "prompt is too long: \(words)"
        }
    }

    /// Whether the error is about the context's length. Engines state it with different statuses, 500 among them.
    public static func isStated(by error: EngineError) -> Bool { ContextLengthError(error, status: 400) != nil }

    private static let phrase = Array("prompt is too long".utf8)

    /// Words of engines, in lower case, each with the engines that use them.
    private static let phrases: [[UInt8]] = [
        "prompt is too long",  // engines that speak the Messages API
        "prompt too long",  // Ollama, oMLX
        "maximum context length",  // OpenAI, vLLM, SGLang, DeepSeek
        "context_length_exceeded", "exceeds the context window", "input tokens exceed the configured limit",  // OpenAI
        "exceeds the available context size", "exceed_context_size_error",  // llama.cpp
        "exceed context window of",  // llama-cpp-python
        "maximum model length", "too long to fit into the model", "context length is only",  // vLLM
        "is too long and exceeds limit of", "max_tokens must be at least 1, got -",  // vLLM, older versions
        "longer than the model's context length", "exceeds the maximum allowed length",  // SGLang
        "exceeds the context length", "exceeds maximum context length",  // Ollama
        "exceeds context length", "context length of only", "greater than the context length",  // LM Studio
        "with n_keep (",  // LM Studio, from 0.4 on
        "`inputs` tokens + `max_new_tokens` must be", "`inputs` must have less than",  // TGI
        "greater than max_seq_len",  // TabbyAPI
        "exceeds max_seq_len", "exceeds maximum input length",  // TensorRT-LLM
        "exceeds max context window", "maximum prompt length",  // oMLX, xAI
        "exceeds the maximum number of tokens allowed",  // Gemini
        "input is too long for requested model", "contextwindowexceedederror",  // LiteLLM
    ].map { Array($0.utf8) }

    /// A limit in characters of a string, which compaction does not help.
    private static let otherLimits = [Array("expected a string with maximum length".utf8)]

    private static func isAboutContext(_ text: [UInt8]) -> Bool {
        phrases.contains { contains(text, $0) } && !otherLimits.contains { contains(text, $0) }
    }

    static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        BytePattern.range(of: part[...], in: text, from: 0) != nil
    }
}
