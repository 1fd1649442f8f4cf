import SimpleAICore

extension AnthropicMessages {
    /// Translates a chat completion into a message.
    ///
    /// - Parameters:
    ///   - model: the public id of the serving model.
    ///   - messageID: the id of the message, see `messageID(for:)`.
    ///   - includesThinking: whether the client asked for `thinking` blocks. Others take the first block for the text.
    /// - Returns: nil if `body` is not a chat completion.
    public static func response(
        fromCompletion body: ArraySlice<UInt8>, model: String, messageID: String, includesThinking: Bool = true
    ) -> [UInt8]? {
        guard let completion = JSONSlice(document: body, grammar: .lenient),
            let choice = completion["choices"]?.elements.first, let message = message(of: choice)
        else { return nil }
        var blocks = MessageBlocks(messageID: messageID)
        var reason = MessageStopReason()
        if let stated = choice["finish_reason"] { reason.record(finishReason: stated) }
        for key in MessageStopReason.stopSequenceKeys {
            if let value = choice[key] { reason.record(stopSequence: value) }
        }
        if includesThinking {
            let reasoning = ChatContent.first(of: [message["reasoning_content"], message["reasoning"]])
            blocks.append(thinking: reasoning)
        }
        let text = ChatContent.text(message["content"])
        blocks.append(text: text.isEmpty ? ChatContent.text(choice["text"]) : text)
        if let refusal = message["refusal"], refusal.isString, !refusal.isEmpty {
            reason.isRefusal = true
            blocks.append(text: [refusal.strictStringContent])
        }
        for call in message["tool_calls"]?.elements ?? [] {
            blocks.append(call: ToolCallNames.function(of: call), id: call["id"])
        }
        if let call = message["function_call"], call.isObject { blocks.append(call: call, id: nil) }

        var output = MessageBytes()
        output.write("{\"id\":")
        output.write(string: messageID)
        output.write(",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
        output.write(string: model)
        output.write(",\"content\":[")
        output.write(blocks.output.bytes[...])
        output.write("],")
        reason.write(to: &output, hasToolCalls: blocks.callCount > 0)
        output.write(",\"usage\":")
        output.write(usage: completion["usage"].flatMap { TokenUsage($0) })
        output.write("}")
        return output.bytes
    }

    /// The message of a choice; one that has only the text of a completion is its own message.
    private static func message(of choice: JSONSlice) -> JSONSlice? {
        let objects = ["message", "delta"].lazy.compactMap { choice[$0] }.filter(\.isObject)
        return objects.first ?? (choice["text"]?.isString ?? false ? choice : nil)
    }
}

/// The text of the fields of a chat completion, as contents of string tokens.
enum ChatContent {
    /// A string, or a list of parts (Mistral); empty for anything else.
    static func text(_ value: JSONSlice?) -> [ArraySlice<UInt8>] {
        guard let value else { return [] }
        let strings = value.isString ? [value] : value.elements.compactMap { $0["text"] }
        return strings.filter { $0.isString && !$0.isEmpty }.map(\.strictStringContent)
    }

    /// The first of several fields with text: some engines state the same text under two names.
    static func first(of values: [JSONSlice?]) -> [ArraySlice<UInt8>] {
        values.lazy.map { text($0) }.first { !$0.isEmpty } ?? []
    }
}

/// The content blocks of a message that is translated as a whole.
struct MessageBlocks {
    let messageID: String
    private(set) var output = MessageBytes()
    private(set) var callCount = 0
    private var usedIDs: Set<ExactString> = []

    init(messageID: String) { self.messageID = messageID }

    mutating func append(thinking: [ArraySlice<UInt8>]) {
        guard !thinking.isEmpty else { return }
        begin("{\"type\":\"thinking\",\"thinking\":")
        output.write(joining: thinking, separator: "")
        output.write(",\"signature\":\"\"}")
    }

    mutating func append(text: [ArraySlice<UInt8>]) {
        guard !text.isEmpty else { return }
        begin("{\"type\":\"text\",\"text\":")
        output.write(joining: text, separator: "")
        output.write("}")
    }

    mutating func append(call: JSONSlice?, id: JSONSlice?) {
        guard let call, call.isObject else { return }
        let name = call["name"]
        let arguments = call["arguments"]
        if (name?.isEmpty ?? true), arguments?.isEmpty ?? true { return }
        begin("{\"type\":\"tool_use\",\"id\":\"")
        output.write(ToolCallNames.id(id, of: messageID, number: callCount, used: &usedIDs)[...])
        output.write("\",\"name\":\"")
        output.write(ToolCallNames.name(name)[...])
        output.write("\",\"input\":")
        output.write(ToolArguments.input(arguments)[...])
        output.write("}")
        callCount += 1
    }

    private mutating func begin(_ text: StaticString) {
        if !output.bytes.isEmpty { output.write(",") }
        output.write(text)
    }
}
