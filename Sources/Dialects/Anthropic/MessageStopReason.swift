import SimpleAICore

/// Why a completion ended, for a message's `stop_reason`.
struct MessageStopReason: Hashable, Sendable {
    private enum Cause { case end, length, filter, stopSequence }

    private var cause = Cause.end
    /// The stop sequence that the engine names, as the content of a string token.
    var stopSequence: ArraySlice<UInt8>?
    var isRefusal = false

    private static let causes: [(name: String, cause: Cause)] = [
        ("length", .length), ("max_tokens", .length), ("model_length", .length), ("content_filter", .filter),
        ("stop_sequence", .stopSequence),
    ]

    /// Reads a choice's `finish_reason`. All other reasons end the turn; tool calls are seen in the message itself.
    mutating func record(finishReason reason: JSONSlice) {
        if let known = Self.causes.first(where: { reason.isString($0.name) }) { cause = known.cause }
    }

    /// Reads the stop sequence: `stop_reason` (vLLM), `matched_stop` (SGLang), `stopping_word` (llama.cpp). A number is
    /// the id of a token that ends every completion.
    mutating func record(stopSequence value: JSONSlice) {
        if value.isString, !value.isEmpty { stopSequence = value.strictStringContent }
    }

    static let stopSequenceKeys = ["stop_reason", "matched_stop", "stopping_word"]

    /// - Parameter hasToolCalls: some engines state `stop` after a tool call, which clients would not execute then.
    func write(to output: inout MessageBytes, hasToolCalls: Bool) {
        output.write("\"stop_reason\":\"")
        var sequence: ArraySlice<UInt8>?
        switch cause {
        case .length: output.write("max_tokens")
        case .filter: output.write("refusal")
        case _ where hasToolCalls: output.write("tool_use")
        case _ where isRefusal: output.write("refusal")
        case _ where stopSequence != nil:
            sequence = stopSequence
            output.write("stop_sequence")
        case .stopSequence: output.write("stop_sequence")
        case .end: output.write("end_turn")
        }
        output.write("\",\"stop_sequence\":")
        if let sequence {
            output.write("\"")
            output.write(sequence)
            output.write("\"")
        } else {
            output.write("null")
        }
    }
}
