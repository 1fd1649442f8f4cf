import SimpleAICore
import Testing

@testable import Dialects

@Suite struct AnthropicNativeTests {
    private func read(_ payloads: [String]) -> (MessagesStreamReader, [StreamStep]) {
        var reader = MessagesStreamReader()
        let steps = payloads.map { reader.receive(Array($0.utf8)[...]) }
        return (reader, steps)
    }

    @Test func readsAStream() throws {
        let start =
            #"{"type":"message_start","message":{"id":"m","model":"engine/model","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":10,"output_tokens":1}}}"#
        let (reader, steps) = read([
            start, #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            #"{"type":"ping"}"#, #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"b"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
            #"{"type":"content_block_stop","index":0}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"output_tokens":15}}"#,
        ])
        guard case .forward(let range?) = steps[0] else {
            Issue.record("the model was not found")
            return
        }
        #expect(String(decoding: Array(start.utf8)[range], as: UTF8.self) == "\"engine/model\"")
        #expect(steps.dropFirst().allSatisfy { $0 == .forward(modelAt: nil) })
        #expect(reader.pieces == 3)
        #expect(reader.usage == TokenUsage(prompt: 35, completion: 15, cached: 10))
        #expect(!reader.isComplete)
        var ended = reader
        #expect(ended.receive(Array(#"{"type":"message_stop"}"#.utf8)[...]) == .forward(modelAt: nil))
        #expect(ended.isComplete)
    }

    /// vLLM states the usage only in `message_delta`.
    @Test func readsUsageOfTheEnd() {
        let (reader, _) = read([
            #"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":0,"output_tokens":0}}}"#,
            #"{"type":"message_delta","delta":{},"usage":{"input_tokens":7,"output_tokens":2}}"#,
        ])
        #expect(reader.usage == TokenUsage(prompt: 7, completion: 2))
        #expect(read([#"{"type":"ping"}"#]).0.usage == nil)
    }

    @Test(arguments: [
        #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        #"{"error":{"message":"Overloaded","code":500}}"#, #"{"type":"error","error":"Overloaded"}"#,
    ])
    func readsErrors(_ payload: String) {
        let (reader, steps) = read([payload])
        guard case .failed(let error)? = steps.first else {
            Issue.record("the error was not found")
            return
        }
        #expect(error.message == "Overloaded")
        #expect(!reader.isComplete)
    }

    /// Data of events, and the message of the error if the event has the name `error`.
    @Test(
        arguments: [
            ("boom", "boom"), (#"{"message":"boom"}"#, "boom"),
            (#"{"type":"overloaded_error","message":"boom"}"#, "boom"),
            ("", nil), (#""boom""#, "boom"),
        ] as [(String, String?)])
    func readsErrorsByTheNameOfTheEvent(_ payload: String, _ message: String?) {
        var reader = MessagesStreamReader()
        #expect(reader.receive(Array(payload.utf8)[...], isNamedError: false) == .forward(modelAt: nil))
        guard case .failed(let error) = reader.receive(Array(payload.utf8)[...], isNamedError: true) else {
            Issue.record("the error was not found")
            return
        }
        #expect(error.message == message)
        #expect(!reader.isForeign)
        // The shell's reader passes the name on.
        var native = NativeStreamReader(.messages, model: "m")
        #expect(native?.receive(Array(payload.utf8)[...], isNamedError: true) == .failed(error))
    }

    /// The name is not read for events whose data show what they are.
    @Test func theNameOfOtherEventsIsNotRead() {
        var reader = MessagesStreamReader()
        for type in ["content_block_delta", "message_stop", "ping", "message_start"] {
            let step = reader.receive(
                Array(#"{"type":"\#(type)"}"#.utf8)[...],
                isNamedError: {
                    Issue.record("read")
                    return true
                }())
            #expect(step == .forward(modelAt: nil))
        }
    }

    @Test func recognizesChatCompletionChunks() {
        let chunk = Array(#"{"object":"chat.completion.chunk","choices":[{"delta":{"content":"hi"}}]}"#.utf8)
        var reader = NativeStreamReader(.messages, model: "m")
        #expect(reader?.receive(chunk[...]) == .failed(EngineError()))
        #expect(reader?.isForeign == true && reader?.isComplete == false)
        var other = NativeStreamReader(.messages, model: "m")
        for payload in [#"{"type":"x","choices":[]}"#, #"{"choices":5}"#] {
            #expect(other?.receive(Array(payload.utf8)[...]) == .forward(modelAt: nil))
        }
        #expect(other?.isForeign == false)
    }

    @Test(arguments: [
        "", "[DONE]", "{", "[]", "5", #"{"type":5}"#, #"{"type":"message_start","message":{"model":null}}"#,
    ])
    func forwardsWhatItDoesNotKnow(_ payload: String) {
        #expect(read([payload]).1 == [.forward(modelAt: nil)])
    }

    @Test func readsTheUsageOfADocument() {
        let text =
            #"  {"id":"m","type":"message","model":"e","content":[{"model":"x"}],"usage":{"input_tokens":3,"cache_creation_input_tokens":4,"cache_read_input_tokens":5,"output_tokens":6}}"#
        let bytes = Array("..\(text)".utf8)[2...]
        #expect(AnthropicMessages.usage(ofDocument: bytes) == TokenUsage(prompt: 12, completion: 6, cached: 5))
        let error = #"{"type":"error","error":{"type":"api_error","message":"Out of memory"}}"#
        for text in [error, "<html>"] { #expect(AnthropicMessages.usage(ofDocument: Array(text.utf8)[...]) == nil) }
    }

    /// Counts that no engine can mean, and sums that would overflow.
    @Test func ignoresAbsurdCounts() {
        let (reader, _) = read([
            #"{"type":"message_start","message":{"usage":{"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807,"output_tokens":-1}}}"#
        ])
        #expect(reader.usage == nil)
    }
}
