import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct EventStreamRelayTests {
    private struct Relayed: Equatable {
        var text = ""
        /// The bytes that `end` adds; nil if the stream was cut short.
        var addition: String?
        var usage: TokenUsage?
    }

    private func relay(
        _ stream: String, endpoint: Endpoint = .chatCompletions, model: ModelID = "public", hidesUsage: Bool = false,
        piece: Int = .max
    ) throws -> Relayed {
        var relay = EventStreamRelay(endpoint: endpoint, model: model, hidesUsageChunk: hidesUsage)
        var result = Relayed()
        var bytes = ByteBuffer(string: stream)
        while let next = bytes.readSlice(length: min(piece, bytes.readableBytes)), next.readableBytes > 0 {
            try relay.receive(next) { result.text += String(buffer: $0) }
        }
        result.addition = relay.end { result.text += String(buffer: $0) }.map { String(buffer: $0) }
        result.usage = relay.usage
        return result
    }

    private func chunk(_ model: String = "public", index: Int = 0, finish: String? = nil) -> String {
        let reason = finish.map { "\"\($0)\"" } ?? "null"
        return "data: {\"model\":\"\(model)\",\"choices\":[{\"index\":\(index),\"delta\":{\"content\":\"x\"},"
            + "\"finish_reason\":\(reason)}]}\n\n"
    }
    private let done = "data: [DONE]\n\n"
    private let usageChunk =
        "data: {\"model\":\"public\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n"

    // MARK: Bytes

    @Test(arguments: [1, 2, 7, Int.max])
    func forwardsAStreamWithThePublicIDUnchanged(piece: Int) throws {
        let stream = ": hello\n\n" + chunk() + "\n" + chunk(finish: "stop") + done
        let relayed = try relay(stream, piece: piece)
        #expect(relayed == Relayed(text: stream, addition: ""))
    }

    @Test(arguments: [1, 3, Int.max])
    func replacesTheEnginesModelID(piece: Int) throws {
        let relayed = try relay(chunk("local/q4") + chunk("local/q4", finish: "stop") + done, piece: piece)
        #expect(relayed.text == chunk() + chunk(finish: "stop") + done)
    }

    @Test func onlyTheTopLevelModelIsReplaced() throws {
        let event =
            "data: { \"choices\" : [{\"index\":0,\"model\":\"local\",\"finish_reason\":\"stop\"}] , \"model\" : \"local\", \"x\":1}\r\n\r\n"
        let expected = event.replacing("\"model\" : \"local\"", with: "\"model\" : \"public\"")
        #expect(try relay(event).text == expected)
    }

    @Test func anIdIsEscapedAsJSON() throws {
        let relayed = try relay(chunk("local", finish: "stop"), model: "a\"b\\c")
        #expect(relayed.text.contains(#""model":"a\"b\\c""#))
    }

    @Test func forwardsAnEscapedPublicIDUnchanged() throws {
        let event = #"data: {"model":"publi\u0063","choices":[{"finish_reason":"stop"}]}"# + "\n\n"
        #expect(try relay(event).text == event)
    }

    @Test func rewritesDataOfSeveralLines() throws {
        let event =
            "event: e\ndata: {\"model\":\ndata:  \"local\",\ndata: \"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
        #expect(
            try relay(event).text
                == "event: e\ndata: {\"model\":  \"public\", \"choices\":[{\"finish_reason\":\"stop\"}]}\n\n")
        let untouched = event.replacing("local", with: "public")
        #expect(try relay(untouched).text == untouched)
    }

    @Test func rewritingSeveralLinesKeepsTheEventsName() throws {
        let event =
            "event: response.completed\nid: 4\ndata: {\"type\":\"response.completed\",\ndata: \"response\":{\"model\":\"local\"}}\n\n"
        let relayed = try relay(event, endpoint: .responses)
        #expect(relayed.text.hasPrefix("event: response.completed\nid: 4\ndata: {"))
        #expect(relayed.text.contains("\"model\":\"public\""))
        #expect(relayed.text.hasSuffix("}\n\n"))
    }

    @Test func forwardsDataThatIsNotJSON() throws {
        let stream = "data: hello\n\n" + chunk(finish: "stop") + done
        #expect(try relay(stream).text == stream)
    }

    // MARK: Usage

    @Test func removesTheUsageChunkThatOnlyTheGatewayRequested() throws {
        let stream = chunk() + chunk(finish: "stop") + usageChunk + done
        let relayed = try relay(stream, hidesUsage: true)
        #expect(relayed.text == chunk() + chunk(finish: "stop") + done)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
    }

    @Test func forwardsTheUsageChunkThatTheCallerRequested() throws {
        let stream = chunk(finish: "stop") + usageChunk + done
        let relayed = try relay(stream)
        #expect(relayed.text == stream)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
    }

    @Test func keepsUsageInAChunkWithAChoice() throws {
        let event =
            "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n"
        #expect(try relay(event, hidesUsage: true).text == event)
    }

    // MARK: Completeness

    /// A `[DONE]` that is not final is dropped with its whole empty line, wherever the stream is cut.
    @Test func aDroppedDoneLeavesNothingBehind() throws {
        let stream = "data: [DONE]\r\n\r\ndata: x\n\n"
        for cut in 0...stream.utf8.count {
            var relay = EventStreamRelay(endpoint: .responses, model: "public", hidesUsageChunk: false)
            var sent = ""
            for piece in [Array(stream.utf8)[..<cut], Array(stream.utf8)[cut...]] {
                try relay.receive(ByteBuffer(bytes: piece)) { sent += String(buffer: $0) }
            }
            #expect(sent == "data: x\n\n", "cut at \(cut)")
        }
    }

    @Test func aMissingDoneIsAdded() throws {
        #expect(try relay(chunk() + chunk(finish: "stop")).addition == done)
    }

    @Test func doesNotAddASecondDone() throws {
        #expect(try relay(chunk(finish: "stop") + done).addition == "")
        #expect(try relay(chunk(finish: "stop") + done + done).text == chunk(finish: "stop") + done)
    }

    /// The engine's `[DONE]` ends the stream, with or without a finish reason.
    @Test func doneEndsTheStream() throws {
        #expect(try relay(chunk() + done) == Relayed(text: chunk() + done, addition: ""))
        #expect(try relay(done) == Relayed(text: done, addition: ""))
        #expect(try relay("data: [DONE] \n\n").addition == "")
        #expect(try relay(done + chunk()).text == done, "nothing comes after the end")
    }

    @Test func aStreamWithoutAnEndIsTruncated() throws {
        for stream in ["", ": only a comment\n\n", chunk(), chunk(finish: "")] {
            #expect(try relay(stream).addition == nil, "\(stream)")
        }
        let empty = try relay(chunk(finish: "") + chunk(finish: "stop"))
        #expect(empty.addition == done, "an empty reason is none, and none is lost by it")
    }

    @Test func everyChoiceNeedsItsFinishReason() throws {
        let both = chunk() + chunk(index: 1) + chunk(finish: "stop")
        #expect(try relay(both).addition == nil)
        #expect(try relay(both + chunk(index: 1, finish: "length")).addition == done)
    }

    @Test func acceptsALastEventWithoutItsEmptyLine() throws {
        let relayed = try relay(chunk(finish: "stop") + "data: [DONE]")
        #expect(relayed == Relayed(text: chunk(finish: "stop") + done, addition: ""))
        let last = String(chunk(finish: "stop").dropLast(2))
        #expect(try relay(chunk() + last).addition == done)
    }

    /// The engine's body ends in the middle of an event: the client must not get half of it.
    @Test func aPartialEventIsNeitherForwardedNorAnEnd() throws {
        let whole = chunk(finish: "stop")
        for length in 1..<(whole.utf8.count - 2) {
            let relayed = try relay(chunk() + whole.prefix(length))
            #expect(relayed.text == chunk(), "cut after \(length)")
            #expect(relayed.addition == nil, "cut after \(length)")
        }
        let afterTheLast = try relay(whole + "data: {\"usage\":{\"prompt")
        #expect(afterTheLast.addition == nil)
        #expect(afterTheLast.text == whole)
    }

    @Test(arguments: ["response.completed", "response.incomplete", "response.failed"])
    func aTerminalEventEndsAResponse(type: String) throws {
        let delta =
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n"
        let closing =
            "event: \(type)\ndata: {\"type\":\"\(type)\",\"response\":{\"model\":\"local\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}}\n\n"
        let relayed = try relay(delta + closing, endpoint: .responses)
        #expect(relayed.text == delta + closing.replacing("local", with: "public"))
        #expect(relayed.addition == "", "no [DONE] belongs to /v1/responses")
        #expect(relayed.usage == TokenUsage(prompt: 5, completion: 6))
        #expect(try relay(delta, endpoint: .responses).addition == nil)
    }

    @Test func readsTheResponseIDFromTheFirstEvent() throws {
        var relay = EventStreamRelay(endpoint: .responses, model: "public", hidesUsageChunk: false)
        try relay.receive(ByteBuffer(string: "data: {\"type\":\"x\"}\n\n")) { _ in }
        #expect(relay.responseID == nil)
        let created = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"m\"}}\n\n"
        try relay.receive(ByteBuffer(string: created)) { _ in }
        #expect(relay.responseID == "resp_1")
    }

    @Test(arguments: [
        (#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, 0),
        (#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#, 0),
        (#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, 0), (#"{"choices":[]}"#, 0), (#"{"choices":null}"#, 0),
        (#"{"choices":[{"delta":{"content":"x"}}]}"#, 1), (#"{"choices":[{"delta":{"reasoning_content":"x"}}]}"#, 1),
        (#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, 1), (#"{"choices":[{"text":"x"}]}"#, 1),
        (#"{"choices":[{"text":""}]}"#, 0), (#"{"choices":[{"delta":{"co\u006etent":"x"}},{"text":"y"}]}"#, 1),
        ("x", 0), (#"{"error":{"message":"x"}}"#, 0),
    ])
    func countsPiecesOfCompletions(_ chunk: String, _ expected: Int) throws {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: true)
        try relay.receive(ByteBuffer(string: "data: \(chunk)\n\n: comment\n\n")) { _ in }
        #expect(relay.pieces == expected)
    }

    @Test func countsTheDeltasOfResponses() throws {
        var relay = EventStreamRelay(endpoint: .responses, model: "public", hidesUsageChunk: false)
        for type in ["created", "output_text.delta", "reasoning_text.delta", "output_text.done", "completed"] {
            try relay.receive(ByteBuffer(string: "data: {\"type\":\"response.\(type)\"}\n\n")) { _ in }
        }
        #expect(relay.pieces == 2)
    }

    /// The last member counts, as in every parser.
    @Test func duplicateMembersInAChunkFollowCommonParsers() throws {
        let event =
            "data: {\"model\":\"x\",\"choices\":[],\"choices\":[{\"finish_reason\":\"stop\"}],\"model\":\"local\"}\n\n"
        let relayed = try relay(event + done)
        #expect(relayed.text == event.replacing("\"local\"", with: "\"public\"") + done)
        #expect(relayed.addition == "")
    }

    @Test func usageReportsItsParts() throws {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":40,"
            + "\"prompt_tokens_details\":{\"cached_tokens\":20},\"completion_tokens_details\":{\"reasoning_tokens\":10}}}\n\n"
        #expect(
            try relay(usage, hidesUsage: true).usage
                == TokenUsage(prompt: 30, completion: 40, cached: 20, reasoning: 10))
    }

    @Test func eventsAreCounted() throws {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: true)
        try relay.receive(ByteBuffer(string: chunk() + usageChunk + done)) { _ in }
        #expect(relay.events == 2, "what is hidden does not count")
    }

    // MARK: The end of the stream while the body is open

    private func phase(
        _ stream: String, endpoint: Endpoint = .chatCompletions, choices: Int = 1
    ) throws -> EventStreamRelay.Phase {
        var relay = EventStreamRelay(
            endpoint: endpoint, model: "public", hidesUsageChunk: true, expectedChoices: choices)
        try relay.receive(ByteBuffer(string: stream)) { _ in }
        return relay.phase
    }

    @Test func thePhaseDeterminesRemainingEvents() throws {
        #expect(try phase(chunk()) == .open)
        #expect(try phase(chunk(finish: "")) == .open)
        #expect(try phase(chunk(finish: "null")) == .open, "some engines write the word")
        #expect(try phase(chunk(finish: "stop")) == .finishing)
        #expect(try phase(chunk(finish: "stop") + usageChunk) == .finishing)
        #expect(try phase(chunk(finish: "stop") + done) == .complete)
        #expect(try phase(done) == .complete)
        #expect(try phase("data: [DONE]\r\r") == .complete, "an LF that may follow is not waited for")
        #expect(try phase("data: [DONE]\r\n\r\n") == .complete)
        let closing = "data: {\"type\":\"response.completed\"}\n\n"
        #expect(try phase(closing, endpoint: .responses) == .complete)
        #expect(try phase(done, endpoint: .responses) == .open, "of a response it is no end")
    }

    /// Engines may write one choice after the other: the end of the first is not the end of the stream.
    @Test func allRequestedChoicesMustFinish() throws {
        let first = chunk() + chunk(finish: "stop")
        #expect(try phase(first, choices: 2) == .open)
        #expect(try phase(first + chunk(index: 1), choices: 2) == .open)
        #expect(try phase(first + chunk(index: 1, finish: "stop"), choices: 2) == .finishing)
        #expect(try phase(first + chunk(index: 1), choices: 1) == .open, "another one began")
    }

    // MARK: Errors

    @Test(
        arguments: [
            ("data: {\"error\":{\"message\":\"boom\"}}", "boom"), ("data: {\"error\":\"boom\"}", "boom"),
            ("data: {\"object\":\"error\",\"message\":\"boom\"}", "boom"),
            ("error: {\"code\":500,\"message\":\"boom\"}", "boom"), ("{\"error\":\"boom\"}", "boom"),
            ("event: error\ndata: {\"message\":\"boom\"}", "boom"), ("event: error\ndata: boom", "boom"),
            ("data: {\"error\":{\"message\":\"boom\"},\"choices\":[{\"finish_reason\":\"error\"}]}", "boom"),
            ("data: {\"error\":{\"code\":500}}", nil),
        ] as [(String, String?)], [1, Int.max])
    func anErrorInAStreamIsFound(_ event: (String, String?), piece: Int) throws {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: false)
        var text = ""
        var bytes = ByteBuffer(string: chunk() + event.0 + "\n\n" + done)
        while let next = bytes.readSlice(length: min(piece, bytes.readableBytes)), next.readableBytes > 0 {
            try relay.receive(next) { text += String(buffer: $0) }
        }
        guard case .failed(let error) = relay.phase else {
            Issue.record("not found: \(event.0)")
            return
        }
        #expect(error.message == event.1)
        #expect(text == chunk(), "neither the event nor what follows passes")
        #expect(relay.end { _ in } == nil)
    }

    @Test(arguments: ["null", "\"\"", "{}", "false", "0"])
    func anEmptyErrorMemberIsNotAnError(error: String) throws {
        let event = chunk().replacing("{\"model\"", with: "{\"error\":\(error),\"model\"")
        #expect(try relay(event + done).text == event + done)
    }

    @Test func forwardsAnErrorEventAndKeepsItsMessage() throws {
        let event = "event: error\ndata: {\"type\":\"error\",\"message\":\"boom\"}\n\n"
        var relay = EventStreamRelay(endpoint: .responses, model: "public", hidesUsageChunk: false)
        var text = ""
        try relay.receive(ByteBuffer(string: event)) { text += String(buffer: $0) }
        #expect(text == event)
        #expect(relay.end { _ in } == nil)
        guard case .failed(let error) = relay.phase else {
            Issue.record("the words are lost")
            return
        }
        #expect(error.message == "boom")
    }

    // MARK: Additions by the gateway

    @Test func removesOnlyUsageFromTheChunkThatTheGatewayRequested() throws {
        let chunk =
            "data: {\"model\":\"local\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4},\"choices\":[],"
            + "\"timings\":{\"predicted_n\":4}}\n\n"
        let relayed = try relay(chunk + done, hidesUsage: true)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
        #expect(
            relayed.text
                == "data: {\"model\":\"public\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}],"
                + "\"timings\":{\"predicted_n\":4}}\n\n" + done)
        #expect(try relay(chunk + done).text == chunk.replacing("local", with: "public") + done)
        // Without the member, and next to a choice from the engine.
        #expect(
            try relay(chunk.replacing("\"choices\":[],", with: "") + done, hidesUsage: true).text
                == "data: {\"model\":\"public\",\"timings\":{\"predicted_n\":4},"
                + "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}\n\n" + done)
        let own = chunk.replacing("\"choices\":[]", with: "\"choices\":[{\"index\":0,\"delta\":{}}]")
        let late = try relay(self.chunk(finish: "stop") + own + done, hidesUsage: true).text
        #expect(late.contains("\"choices\":[{\"index\":0,\"delta\":{}}],\"timings\""))
    }

    @Test(arguments: ["\"timings\":null", "\"system_fingerprint\":\"b1\"", "\"service_tier\":\"x\""])
    func aUsageOnlyChunkIsRemoved(member: String) throws {
        let chunk = usageChunk.replacing("\"choices\":[]", with: "\"choices\":[],\(member)")
        #expect(try relay(chunk + done, hidesUsage: true).text == done)
    }

    @Test func usageBesideAnEmptyChoiceAfterTheEndIsTakenOut() throws {
        let chunk = usageChunk.replacing("\"choices\":[]", with: "\"choices\":[{\"index\":0,\"delta\":{}}]")
        let relayed = try relay(self.chunk(finish: "stop") + chunk + done, hidesUsage: true)
        #expect(relayed.text == self.chunk(finish: "stop") + done)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
    }

    @Test func numbersThatAreNotJSONPass() throws {
        let event = chunk("local").replacing("\"finish_reason\"", with: "\"logprob\":-Infinity,\"finish_reason\"")
        let relayed = try relay(event + chunk("local", finish: "stop") + done)
        #expect(relayed.text == event.replacing("local", with: "public") + chunk(finish: "stop") + done)
    }
}
