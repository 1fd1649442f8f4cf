import SimpleAICore
import Testing

@testable import Dialects

/// Chunks of engines that deviate from OpenAI's API.
@Suite struct AnthropicLenientChunksTests {
    private func blocks(_ choices: [String]) throws -> [StreamedMessage.Block] {
        var translation = MessagesStreamTranslation(model: "m", messageID: "msg_1")
        var output: [UInt8] = []
        for choice in choices { output += translation.receive(Array("{\"choices\":[\(choice)]}".utf8)[...]) }
        output += translation.end()
        return try #require(StreamedMessage(try events(output))).blocks
    }

    /// Choices of consecutive chunks, and the text of the message.
    @Test(
        arguments: [
            ([#"{"message":{"role":"assistant","content":"full"},"finish_reason":"stop"}"#], "full"),
            ([#"{"index":0,"text":"a"}"#, #"{"index":0,"text":"b","finish_reason":"stop"}"#], "ab"),
            ([#"{"delta":null,"message":{"content":"a"}}"#, #"{"delta":{"content":""},"text":"b"}"#], "ab"),
            // Perplexity repeats the whole message beside each delta.
            (
                [
                    #"{"delta":{"content":"a"},"message":{"content":"a"}}"#,
                    #"{"message":{"content":"ab"},"delta":{"content":"b"}}"#,
                    #"{"message":{"content":"ab"},"delta":{}}"#,
                ], "ab"
            ),
            ([#"{"delta":{"content":"a\ud83d"}}"#, #"{"delta":{"content":"\ude00b"}}"#], "a😀b"),
            (
                [#"{"delta":{"content":"\uD83D"}}"#, #"{"delta":{"content":""}}"#, #"{"delta":{"content":"\uDE00"}}"#],
                "😀"
            ),
            (
                [#"{"delta":{"content":"\ud83d"}}"#, #"{"delta":{"content":"b"}}"#, #"{"delta":{"content":"c"}}"#],
                "\u{FFFD}bc"
            ),
            ([#"{"delta":{"content":"a\ud83d"}}"#], "a\u{FFFD}"),
            // An escaped backslash before the letters.
            ([#"{"delta":{"content":"\\ud83d"}}"#, #"{"delta":{"content":"x"}}"#], #"\ud83dx"#),
        ] as [([String], String)])
    func text(_ choices: [String], _ text: String) throws {
        #expect(try blocks(choices) == [.init(type: "text", text: text)])
    }

    @Test func joinsHalvesInReasoningAndArguments() throws {
        let thinking = try blocks([
            #"{"delta":{"reasoning_content":"\ud83d"}}"#, #"{"delta":{"reasoning_content":"\ude00"}}"#,
            #"{"delta":{"content":"x"}}"#,
        ])
        #expect(thinking.map(\.text) == ["😀", "x"])
        let call = try blocks([
            #"{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":\"\ud83d"}}]}}"#,
            #"{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}}"#,
        ])
        #expect(call.map(\.text) == [#"{"a":"😀"}"#])
    }

    @Test(arguments: [
        #"{"delta":{"tool_calls":[{"id":"c","name":"f","arguments":"{\"x\":1}"}]}}"#,
        #"{"delta":{"tool_calls":[{"id":"c","function":null,"name":"f","arguments":{"x":1}}]}}"#,
        #"{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"x\":1}"}}]}}"#,
    ])
    func call(_ choice: String) throws {
        #expect(try blocks([choice]) == [.init(type: "tool_use", id: "c", name: "f", text: #"{"x":1}"#)])
    }

    // MARK: Documents

    @Test(
        arguments: [
            (#"{"text":"legacy"}"#, #"[{"type":"text","text":"legacy"}]"#),
            (#"{"delta":{"content":"d"}}"#, #"[{"type":"text","text":"d"}]"#),
            (#"{"message":{"content":"whole"},"delta":{"content":""}}"#, #"[{"type":"text","text":"whole"}]"#),
            (
                #"{"message":{"tool_calls":[{"id":"c","name":"f","arguments":"{\"x\":1}"}]}}"#,
                #"[{"type":"tool_use","id":"c","name":"f","input":{"x":1}}]"#
            ),
            (
                #"{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}{\"x\":1}"}}]}}"#,
                #"[{"type":"tool_use","id":"c","name":"f","input":{"x":1}}]"#
            ),
        ] as [(String, String)])
    func document(_ choice: String, _ content: String) throws {
        let document = AnthropicMessages.response(
            fromCompletion: Array("{\"choices\":[\(choice)]}".utf8)[...], model: "m", messageID: "msg_1")
        #expect(try value(#require(document)).object?["content"] == value(content.utf8))
    }

    @Test(arguments: ["{}", #"{"text":5}"#, #"{"message":null}"#])
    func refusesChoicesWithoutMessage(_ choice: String) {
        #expect(
            AnthropicMessages.response(
                fromCompletion: Array("{\"choices\":[\(choice)]}".utf8)[...], model: "m", messageID: "msg_1") == nil)
    }
}
