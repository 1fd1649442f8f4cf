import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct EventStreamRelayTests {
    private struct Relayed: Equatable {
        var text = ""
        /// What `end` adds; nil when the stream was cut short.
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
    func aStreamUnderThePublicIdPassesUntouched(piece: Int) throws {
        let stream = ": hello\n\n" + chunk() + "\n" + chunk(finish: "stop") + done
        let relayed = try relay(stream, piece: piece)
        #expect(relayed == Relayed(text: stream, addition: ""))
    }

    @Test(arguments: [1, 3, Int.max])
    func theEnginesIdBecomesThePublicOne(piece: Int) throws {
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

    @Test func aSpelledOutIdThatIsEqualPassesUntouched() throws {
        let event = #"data: {"model":"publi\u0063","choices":[{"finish_reason":"stop"}]}"# + "\n\n"
        #expect(try relay(event).text == event)
    }

    @Test func dataOverSeveralLinesKeepsItsMeaning() throws {
        let event =
            "event: e\ndata: {\"model\":\ndata:  \"local\",\ndata: \"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
        #expect(
            try relay(event).text
                == "event: e\ndata: {\"model\":  \"public\", \"choices\":[{\"finish_reason\":\"stop\"}]}\n\n")
        let untouched = event.replacing("local", with: "public")
        #expect(try relay(untouched).text == untouched)
    }

    @Test func theNameOfAnEventSurvivesARewriteOverSeveralLines() throws {
        let event =
            "event: response.completed\nid: 4\ndata: {\"type\":\"response.completed\",\ndata: \"response\":{\"model\":\"local\"}}\n\n"
        let relayed = try relay(event, endpoint: .responses)
        #expect(relayed.text.hasPrefix("event: response.completed\nid: 4\ndata: {"))
        #expect(relayed.text.contains("\"model\":\"public\""))
        #expect(relayed.text.hasSuffix("}\n\n"))
    }

    @Test func whatIsNoJSONPassesAsItIs() throws {
        let stream = "data: hello\n\n" + chunk(finish: "stop") + done
        #expect(try relay(stream).text == stream)
    }

    // MARK: Usage

    @Test func theUsageChunkThatOnlyWeWantedIsTakenOut() throws {
        let stream = chunk() + chunk(finish: "stop") + usageChunk + done
        let relayed = try relay(stream, hidesUsage: true)
        #expect(relayed.text == chunk() + chunk(finish: "stop") + done)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
    }

    @Test func theUsageChunkThatTheCallerWantedStays() throws {
        let stream = chunk(finish: "stop") + usageChunk + done
        let relayed = try relay(stream)
        #expect(relayed.text == stream)
        #expect(relayed.usage == TokenUsage(prompt: 3, completion: 4))
    }

    @Test func usageBesideAChoiceIsNotTakenOut() throws {
        let event =
            "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n"
        #expect(try relay(event, hidesUsage: true).text == event)
    }

    // MARK: Completeness

    @Test func aMissingDoneIsAdded() throws {
        #expect(try relay(chunk() + chunk(finish: "stop")).addition == done)
    }

    @Test func aDoneIsNotAddedTwice() throws {
        #expect(try relay(chunk(finish: "stop") + done).addition == "")
        #expect(try relay(chunk(finish: "stop") + done + done).text == chunk(finish: "stop") + done)
    }

    @Test func aStreamWithoutAFinishReasonIsCutShort() throws {
        let relayed = try relay(chunk() + done)
        #expect(relayed.addition == nil)
        #expect(relayed.text == chunk(), "a [DONE] that is not true must not pass")
        #expect(try relay("").addition == nil)
        #expect(try relay(done) == Relayed())
        #expect(try relay(": only a comment\n\n").addition == nil)
    }

    @Test func everyChoiceNeedsItsFinishReason() throws {
        let both = chunk() + chunk(index: 1) + chunk(finish: "stop")
        #expect(try relay(both + done).addition == nil)
        #expect(try relay(both + chunk(index: 1, finish: "length") + done).addition == "")
    }

    @Test func theEmptyLineAfterTheLastEventMayBeMissing() throws {
        let relayed = try relay(chunk(finish: "stop") + "data: [DONE]")
        #expect(relayed == Relayed(text: chunk(finish: "stop") + done, addition: ""))
        let last = String(chunk(finish: "stop").dropLast(2))
        #expect(try relay(chunk() + last).addition == done)
    }

    /// The end of the engine's body in the middle of an event: the client must not be given half of it.
    @Test func halfAnEventIsNeitherForwardedNorAnEnd() throws {
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
    func aResponseEndsWithItsClosingEvent(type: String) throws {
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

    @Test func theIdOfAResponseIsKnownFromItsFirstEvent() throws {
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
    func piecesOfAnswersAreCounted(_ chunk: String, _ expected: Int) throws {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: true)
        try relay.receive(ByteBuffer(string: "data: \(chunk)\n\n: comment\n\n")) { _ in }
        #expect(relay.pieces == expected)
    }

    @Test func piecesOfResponsesAreTheirDeltas() throws {
        var relay = EventStreamRelay(endpoint: .responses, model: "public", hidesUsageChunk: false)
        for type in ["created", "output_text.delta", "reasoning_text.delta", "output_text.done", "completed"] {
            try relay.receive(ByteBuffer(string: "data: {\"type\":\"response.\(type)\"}\n\n")) { _ in }
        }
        #expect(relay.pieces == 2)
    }

    /// The last one counts, as for every parser.
    @Test func aChunkThatSaysSomethingTwiceIsReadLikeByOthers() throws {
        let event =
            "data: {\"model\":\"x\",\"choices\":[],\"choices\":[{\"finish_reason\":\"stop\"}],\"model\":\"local\"}\n\n"
        let relayed = try relay(event + done)
        #expect(relayed.text == event.replacing("\"local\"", with: "\"public\"") + done)
        #expect(relayed.addition == "")
    }

    @Test func usageTellsTheParts() throws {
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
        #expect(relay.events == 1, "neither what is hidden nor an untrue [DONE] counts")
    }
}
