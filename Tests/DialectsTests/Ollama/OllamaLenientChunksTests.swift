import SimpleAICore
import Synchronization
import Testing

@testable import Dialects

/// Chunks of engines that deviate from OpenAI's API.
@Suite struct OllamaLenientChunksTests {
    private func lines(_ choices: [String]) throws -> [[ExactString: JSONValue]] {
        var stream = OllamaStreamTranslation(endpoint: .chat, model: "m", clock: OllamaSamples.clock)
        var output: [UInt8] = []
        for choice in choices { output += stream.receive(Array("{\"choices\":[\(choice)]}".utf8)[...]) }
        return try OllamaSamples.documents(output + stream.end()).compactMap { $0.object?["message"]?.object }
    }

    @Test(
        arguments: [
            ([#"{"message":{"content":"a"}}"#, #"{"text":"b"}"#], ["a", "b", ""]),
            ([#"{"delta":{"content":"a"},"message":{"content":"whole"}}"#], ["a", ""]),
            ([#"{"delta":{"content":"\ud83d"}}"#, #"{"delta":{"content":"\ude00"}}"#], ["😀", ""]),
            (
                [
                    #"{"delta":{"content":"a\ud83d"}}"#, #"{"delta":{"content":"\ude00b"}}"#,
                    #"{"delta":{"content":"c"}}"#,
                ],
                ["a", "😀b", "c", ""]
            ),
            ([#"{"delta":{"content":"a"}}"#, #"{"delta":{"content":"\ud83d"}}"#], ["a", "\u{FFFD}", ""]),
        ] as [([String], [String])])
    func text(_ choices: [String], _ texts: [String]) throws {
        #expect(try lines(choices).map { $0["content"]?.string } == texts)
    }

    @Test func joinsHalvesInReasoningAndArguments() throws {
        let thinking = try lines([
            #"{"delta":{"reasoning":"\ud83d"}}"#, #"{"delta":{"reasoning":"\ude00"}}"#,
            #"{"delta":{"reasoning":"\ud83d"}}"#,
        ])
        #expect(thinking.map { $0["thinking"]?.string } == ["😀", "\u{FFFD}", nil])
        let call = try lines([
            #"{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\":\"\ud83d"}}]}}"#,
            #"{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}}"#,
        ])
        let function = call.first?["tool_calls"]?.array?.first?.object?["function"]?.object
        #expect(function?["arguments"] == .object(["a": .string("😀")]))
    }

    @Test(arguments: [
        #"{"index":0,"name":"f","arguments":"{\"x\":1}"}"#, #"{"name":"f","arguments":{"x":1},"function":null}"#,
    ])
    func flatCall(_ call: String) throws {
        let expected = try OllamaSamples.value(#"[{"function":{"index":0,"name":"f","arguments":{"x":1}}}]"#.utf8)
        let lines = try lines([#"{"delta":{"tool_calls":[\#(call)]}}"#])
        #expect(lines.first?["tool_calls"] == expected)
        let document = OllamaResponse.response(
            fromCompletion: Array(#"{"choices":[{"message":{"tool_calls":[\#(call)]}}]}"#.utf8)[...], endpoint: .chat,
            model: "m", created: "", durations: OllamaSamples.durations)
        let message = try OllamaSamples.value(#require(document)).object?["message"]?.object
        #expect(message?["tool_calls"] == expected)
    }

    /// In a document each element of the list is a call, whatever its index.
    @Test func callsOfDocumentsAreNotJoined() throws {
        let calls = #"{"index":0,"function":{"name":"f","arguments":"{\"x\""}},{"index":0,"function":{"name":"g"}},{}"#
        let document = OllamaResponse.response(
            fromCompletion: Array(#"{"choices":[{"message":{"tool_calls":[\#(calls)]}}]}"#.utf8)[...], endpoint: .chat,
            model: "m", created: "", durations: OllamaSamples.durations)
        let message = try OllamaSamples.value(#require(document)).object?["message"]?.object
        #expect(message?["content"]?.string == #"{"name": "f", "arguments": {"x"}"#)
        #expect(message?["tool_calls"]?.array?.count == 1)
    }

    @Test func callsWithoutNameAreReadableText() throws {
        #expect(
            try lines([#"{"delta":{"tool_calls":[{"index":0,"id":"c"}]}}"#]).map { $0["content"]?.string } == [""])
        let unnamed = try lines([#"{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}"#])
        #expect(unnamed.map { $0["content"]?.string } == [#"{"name": "", "arguments": {}}"#, ""])
    }

    /// Keepalives between the lines state the time, too.
    @Test func everyLineStatesItsTime() throws {
        let time = Mutex(0)
        let clock = ResponseClock(
            timestamp: {
                time.withLock { time in
                    time += 1
                    return "\(time)"
                }
            }, durations: { OllamaSamples.durations })
        var stream = OllamaStreamTranslation(endpoint: .chat, model: "m", clock: clock)
        var output: [UInt8] = []
        for delta in [
            #"{"content":"a"}"#, #"{"content":"b"}"#, #"{"reasoning":"c"}"#, #"{"content":"\u0041"}"#,
            #"{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}"#,
        ] { output += stream.receive(Array(#"{"choices":[{"delta":\#(delta)}]}"#.utf8)[...]) }
        output += stream.end()
        let times = try OllamaSamples.documents(output).map { $0.object?["created_at"]?.string }
        #expect(times == ["1", "2", "3", "4", "5", "6"])
    }
}
