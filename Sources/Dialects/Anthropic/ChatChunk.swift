import SimpleAICore

/// The members of a chat completion chunk that a translation reads.
struct ChatChunk {
    private(set) var reasoning: [ArraySlice<UInt8>] = []
    private(set) var text: [ArraySlice<UInt8>] = []
    private(set) var refusal: JSONSlice?
    private(set) var calls: [JSONSlice] = []
    /// A call as in older versions of the API.
    private(set) var functionCall: JSONSlice?
    private(set) var finishReason: JSONSlice?
    private(set) var stopSequence: JSONSlice?
    private(set) var usage: JSONSlice?
    /// The string that is the chunk's only content, with its quotes; set if later chunks may differ only there.
    private(set) var onlyPiece: Range<Int>?

    /// Nil if `payload` is not a JSON object.
    init?(_ payload: ArraySlice<UInt8>) {
        guard let json = JSONSlice(document: payload, grammar: .lenient), json.isObject else { return nil }
        var choices: JSONSlice?
        var usage: JSONSlice?
        json.forEachMember { key, value in
            if JSONSlice.isKey(key, "choices") {
                choices = value
            } else if JSONSlice.isKey(key, "usage") {
                usage = value.isObject ? value : nil
            }
        }
        self.usage = usage
        let elements = choices?.elements ?? []
        // Only one choice is requested.
        guard let choice = elements.first, choice["index"]?.integer ?? 0 == 0 else { return }
        read(choice)
        if elements.count > 1 || usage != nil { onlyPiece = nil }
    }

    private mutating func read(_ choice: JSONSlice) {
        var (delta, message, choiceText): (JSONSlice?, JSONSlice?, JSONSlice?)
        var (finishReason, stopSequence): (JSONSlice?, JSONSlice?)
        choice.forEachMember { key, value in
            if JSONSlice.isKey(key, "delta") {
                delta = value.isObject ? value : nil
            } else if JSONSlice.isKey(key, "message") {
                message = value.isObject ? value : nil
            } else if JSONSlice.isKey(key, "text") {
                choiceText = value.isEmpty ? nil : value
            } else if JSONSlice.isKey(key, "finish_reason") {
                finishReason = value.isNull ? nil : value
            } else if MessageStopReason.stopSequenceKeys.contains(where: { JSONSlice.isKey(key, $0) }) {
                stopSequence = value.isNull ? nil : value
            }
        }
        (self.finishReason, self.stopSequence) = (finishReason, stopSequence)
        // Some engines send whole messages, or the texts of completions. Beside a delta, a message repeats all of it.
        read(delta: delta ?? message, choiceText)
    }

    private mutating func read(delta: JSONSlice?, _ choiceText: JSONSlice?) {
        var (content, reasoningContent, reasoning) = (choiceText, nil as JSONSlice?, nil as JSONSlice?)
        var (refusal, calls, functionCall): (JSONSlice?, JSONSlice?, JSONSlice?)
        delta?.forEachMember { key, value in
            guard !value.isEmpty else { return }
            if JSONSlice.isKey(key, "content") {
                content = value
            } else if JSONSlice.isKey(key, "reasoning_content") {
                reasoningContent = value
            } else if JSONSlice.isKey(key, "reasoning") {
                reasoning = value
            } else if JSONSlice.isKey(key, "refusal") {
                refusal = value
            } else if JSONSlice.isKey(key, "tool_calls") {
                calls = value
            } else if JSONSlice.isKey(key, "function_call") {
                functionCall = value
            }
        }
        self.reasoning = ChatContent.first(of: [reasoningContent, reasoning])
        text = ChatContent.text(content)
        self.refusal = refusal.flatMap { $0.isString ? $0 : nil }
        self.calls = calls?.elements ?? []
        self.functionCall = functionCall.flatMap { $0.isObject ? $0 : nil }
        let pieces = [content, reasoningContent, reasoning, refusal, calls, functionCall].compactMap { $0 }
        if pieces.count == 1, refusal == nil, let piece = pieces.first, piece.isString, finishReason == nil,
            stopSequence == nil
        {
            onlyPiece = piece.bytes.startIndex..<piece.bytes.endIndex
        }
    }
}
