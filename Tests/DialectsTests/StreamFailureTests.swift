import SimpleAICore
import Testing

@testable import Dialects

/// Streams that a translation cannot carry to their end.
@Suite struct StreamFailureTests {
    private func translation(_ endpoint: Endpoint) throws -> StreamTranslation {
        let body = #"{"messages":[{"role":"user","content":"x"}]}"#
        let request = try #require(try DialectRequest(endpoint, Array(body.utf8)[...]))
        return request.responses(
            at: endpoint, call: CallID("req-1"), model: "m", clock: OllamaSamples.clock
        ).stream()
    }

    private func chunk(_ calls: String) -> ArraySlice<UInt8> {
        Array(#"{"choices":[{"delta":{"tool_calls":[\#(calls)]}}]}"#.utf8)[...]
    }

    private func call(_ index: Int, _ arguments: String) -> String {
        #"{"index":\#(index),"id":"c\#(index)","function":{"name":"f","arguments":"\#(arguments)"}}"#
    }

    /// After the failure, nothing more is translated, and the stream has no end that looks complete.
    private func expectFailure(_ translation: inout StreamTranslation, _ reason: String) {
        #expect(translation.failure == reason)
        let more = translation.receive(Array(#"{"choices":[{"delta":{"content":"more"}}]}"#.utf8)[...])
        #expect(more.isEmpty && translation.end().isEmpty)
        #expect(translation.failure == reason)
    }

    @Test func ollamaLimitsArguments() throws {
        var stream = try translation(.ollamaChat)
        let piece = String(repeating: "x", count: 1 << 20)
        for _ in 0..<3 { #expect(stream.receive(chunk(call(0, piece))).isEmpty && stream.failure == nil) }
        #expect(stream.receive(chunk(call(0, piece + "x"))).isEmpty)
        expectFailure(&stream, "tool calls of more than 4 MiB")
    }

    /// Calls whose order does not allow to send them are kept.
    @Test func messagesLimitKeptArguments() throws {
        var stream = try translation(.messages)
        let piece = String(repeating: "1", count: 1 << 20)
        var output = stream.receive(chunk(call(0, "{")))
        for _ in 0..<3 { output += stream.receive(chunk(call(1, piece))) }
        #expect(stream.failure == nil)
        output += stream.receive(chunk(call(1, piece + "1")))
        expectFailure(&stream, "tool calls of more than 4 MiB at once")
        // The first call is not stopped: a client would execute it without the rest of its arguments.
        let types = try events(output).map { $0.object?["type"]?.string }
        #expect(types == ["message_start", "content_block_start", "content_block_delta"])
    }

    /// Arguments in a string are held back, too.
    @Test func messagesLimitArgumentsInAString() throws {
        var stream = try translation(.messages)
        _ = stream.receive(chunk(call(0, "\\\"")))
        let piece = String(repeating: "1", count: 1 << 20)
        for _ in 0..<5 { _ = stream.receive(chunk(call(0, piece))) }
        expectFailure(&stream, "tool calls of more than 4 MiB at once")
    }

    /// A call that is sent at once is not limited.
    @Test func messagesSendLargeArguments() throws {
        var stream = try translation(.messages)
        let piece = String(repeating: "1", count: 1 << 20)
        var sent = 0
        for _ in 0..<6 { sent += stream.receive(chunk(call(0, piece))).count }
        #expect(sent > 6 << 20 && stream.failure == nil)
    }

    @Test(arguments: [Endpoint.messages, .ollamaChat])
    func limitsTheNumberOfCalls(_ endpoint: Endpoint) throws {
        var stream = try translation(endpoint)
        for index in 0..<1024 { _ = stream.receive(chunk(call(index, "{}"))) }
        #expect(stream.failure == nil)
        _ = stream.receive(chunk(call(1024, "{}")))
        expectFailure(&stream, "more than 1024 tool calls")
    }
}
