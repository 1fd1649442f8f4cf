import Logging
import NIOHTTP1
import SimpleAICore
import Testing

@testable import LocalFleet

@Suite struct SimulatedEngineTests {
    private static let fast = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
    /// So slow that a request ends only for another reason.
    private static let endless = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0.01)

    private func engine(_ change: (inout EngineOptions) -> Void = { _ in }) -> SimulatedEngine {
        var options = EngineOptions(models: ["sim:1b"])
        options.pace = Self.fast
        change(&options)
        return SimulatedEngine(options, logger: .silent)
    }

    private func post(_ engine: SimulatedEngine, _ path: String, _ body: String) async throws -> (Int, JSON) {
        let answer = try await LoopbackClient.send(
            .POST, "http://127.0.0.1:\(try await engine.port())\(path)", [("X-Trace", "7")], Array(body.utf8))
        return (answer.status, try JSON(answer.body))
    }

    /// The data of all events of a streamed response; the last may be `[DONE]`.
    private func stream(_ engine: SimulatedEngine, _ path: String, _ body: String) async throws -> [String] {
        let answer = try await LoopbackClient.send(
            .POST, "http://127.0.0.1:\(try await engine.port())\(path)", [], Array(body.utf8))
        #expect(answer.status == 200)
        return String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
    }

    @Test func chatResponseStatesSimulationAndUsage() async throws {
        try await running(engine()) { engine in
            let (status, answer) = try await post(
                engine, "/v1/chat/completions",
                #"{"model":"sim:1b","messages":[{"role":"user","content":[{"type":"text","text":"one two three"}]}]}"#)
            #expect(status == 200)
            #expect(answer.model == .string("sim:1b"))
            #expect(answer.system_fingerprint == .string("simulated"))
            let choice = answer.choices?[0]
            #expect(choice?.finish_reason == .string("stop"))
            #expect(choice?.message?.content?.string?.hasPrefix("This is a simulated answer") == true)
            #expect(answer.usage?.prompt_tokens == .number(3))
            #expect(engine.counters.served == 1)
        }
    }

    @Test func seedAndPromptDecideTheText() async throws {
        func text(seed: UInt64, prompt: String) -> String {
            SimulatedResponse(to: [prompt], seed: seed, limit: nil).text
        }
        #expect(text(seed: 1, prompt: "a") == text(seed: 1, prompt: "a"))
        #expect(text(seed: 1, prompt: "a") != text(seed: 2, prompt: "a"))
        #expect(text(seed: 1, prompt: "a") != text(seed: 1, prompt: "b"))
    }

    @Test(
        arguments: [
            ("x: count from 1 to 3, in digits.", nil, 3), ("Count from 1 to 2000, in digits", 5, 5),
            ("count from 1 to 0, in digits", nil, 1), ("count from 1 to 99999, in digits", nil, 10_000),
        ] as [(String, Int?, Int)])
    func aPromptMayAskForALongResponse(prompt: String, limit: Int?, count: Int) {
        let response = SimulatedResponse(to: ["Be brief.", prompt], seed: 1, limit: limit)
        #expect(response.tokens == (1...count).map { " \($0)" })
        #expect(response.isCutShort == (limit != nil))
        let other = SimulatedResponse(to: ["count from 1 to many, in digits"], seed: 1, limit: nil)
        #expect(other.text.hasPrefix("This is a simulated answer"))
    }

    @Test(arguments: ["max_tokens", "max_completion_tokens"])
    func aTokenLimitTruncatesTheResponse(key: String) async throws {
        try await running(engine()) { engine in
            let (_, answer) = try await post(
                engine, "/v1/chat/completions", #"{"model":"sim:1b","\#(key)":3,"messages":[]}"#)
            #expect(answer.choices?[0]?.finish_reason == .string("length"))
            #expect(answer.choices?[0]?.message?.content == .string("This is a"))
            #expect(answer.usage?.completion_tokens == .number(3))
        }
    }

    @Test(arguments: [true, false]) func aStreamCarriesTheSameTextAndUsageOnRequest(usage: Bool) async throws {
        try await running(engine()) { engine in
            let head = #"{"model":"sim:1b","messages":[{"role":"user","content":"hi"}]"#
            let (_, whole) = try await post(engine, "/v1/chat/completions", head + "}")
            let events = try await stream(
                engine, "/v1/chat/completions",
                head + #","stream":true,"stream_options":{"include_usage":\#(usage)}}"#)
            #expect(events.last == "[DONE]")
            let chunks = try events.dropLast().map { try JSON($0) }
            let text = chunks.compactMap { $0.choices?[0]?.delta?.content?.string }.joined()
            #expect(text == whole.choices?[0]?.message?.content?.string)
            #expect(chunks.filter { $0.choices?[0]?.finish_reason == .string("stop") }.count == 1)
            #expect(chunks.last?.usage == (usage ? whole.usage : nil))
            #expect(chunks.last?.choices?.count == (usage ? 0 : 1))
        }
    }

    @Test func completionsAndResponsesAreWellFormed() async throws {
        try await running(engine()) { engine in
            let (_, completion) = try await post(engine, "/v1/completions", #"{"model":"sim:1b","prompt":"hi"}"#)
            #expect(completion.object == .string("text_completion"))
            #expect(completion.choices?[0]?.text?.string?.hasPrefix("This is a simulated answer") == true)
            let events = try await stream(
                engine, "/v1/responses", #"{"model":"sim:1b","input":"hi","stream":true}"#
            ).map { try JSON($0) }
            #expect(events.first?.type == .string("response.created"))
            #expect(events.last?.type == .string("response.completed"))
            #expect(events.enumerated().allSatisfy { $1.sequence_number == .number(Double($0)) })
            let (_, response) = try await post(engine, "/v1/responses", #"{"model":"sim:1b","input":"hi"}"#)
            let text = response.output?[0]?.content?[0]?.text
            #expect(text?.string?.hasPrefix("This is a simulated answer") == true)
            #expect(text == events.last?.response?.output?[0]?.content?[0]?.text)
            #expect(text?.string == events.compactMap { $0.delta?.string }.joined())
            #expect(response.status == .string("completed"))
        }
    }

    @Test func embeddingsAreUnitVectorsInBothEncodings() async throws {
        try await running(engine()) { engine in
            let (_, list) = try await post(
                engine, "/v1/embeddings", #"{"model":"sim:1b","input":["a","b"],"dimensions":8}"#)
            #expect(list.data?.count == 2)
            #expect(list.data?[0]?.embedding != list.data?[1]?.embedding)
            let values = (0..<8).compactMap { list.data?[0]?.embedding?[$0]?.number }
            #expect(values.count == 8)
            #expect(abs(values.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
            let (_, packed) = try await post(
                engine, "/v1/embeddings",
                #"{"model":"sim:1b","input":"a","dimensions":8,"encoding_format":"base64"}"#)
            let bytes = try decode(try #require(packed.data?[0]?.embedding?.string))
            #expect(bytes.count == 32)
        }
    }

    @Test(arguments: [
        (#"{"model":"other","messages":[]}"#, 404, "model_not_found"),
        (#"{"messages":[]}"#, 400, "invalid_request"),
        (#"{"model":"sim:1b","max_tokens":0}"#, 400, "invalid_request"),
        (#"{"model":"#, 400, "invalid_json"),
    ])
    func refusalsAreErrorObjects(body: String, status: Int, code: String) async throws {
        try await running(engine()) { engine in
            let (answered, answer) = try await post(engine, "/v1/chat/completions", body)
            #expect(answered == status)
            #expect(answer.error?.code == .string(code))
            #expect(engine.counters.activeRequests == 0)
        }
    }

    @Test func receivedRequestsAreKeptForInspectionAndBounded() async throws {
        try await running(engine { $0.rememberedRequests = 2 }) { engine in
            for number in 1...3 {
                _ = try await post(
                    engine, "/v1/chat/completions?x=1", #"{"model":"sim:1b","number":\#(number)}"#)
            }
            let received = engine.receivedRequests
            #expect(received.count == 2)
            #expect(received.last?.path == "/v1/chat/completions?x=1")
            #expect(received.last?["x-trace"] == "7")
            #expect(received.last?.body == Array(#"{"model":"sim:1b","number":3}"#.utf8))
        }
    }

    @Test func oneConnectionServesManyRequests() async throws {
        try await running(engine()) { engine in
            let request = RawClient.chat(#"{"model":"sim:1b","max_tokens":1,"messages":[]}"#)
            try await RawClient.with(try await engine.port()) { client in
                for _ in 1...3 {
                    client.seen = ""
                    try await client.send(request)
                    #expect(try await client.read(until: #""total_tokens""#).hasPrefix("HTTP/1.1 200"))
                }
            }
            #expect(engine.counters.served == 3)
        }
    }

    @Test(arguments: [true, false]) func aDisconnectedClientFreesItsSlot(stream: Bool) async throws {
        try await running(engine { $0.slots = 1 }) { engine in
            engine.setPace(Self.endless)
            let port = try await engine.port()
            let endless = RawClient.chat(#"{"model":"sim:1b","stream":\#(stream),"messages":[]}"#)
            try await RawClient.with(port) { client in
                try await client.send(endless)
                _ = try await engine.counters { $0.activeRequests == 1 }
            }
            let counters = try await engine.counters { $0.activeRequests == 0 }
            #expect(counters.cancelled == 1)
            #expect(counters.served == 0)
            engine.setPace(Self.fast)
            let (status, _) = try await post(
                engine, "/v1/chat/completions", #"{"model":"sim:1b","messages":[]}"#)
            #expect(status == 200)
        }
    }

    @Test func requestsBeyondTheSlotsWaitAndLeaveTheQueueWithTheirClient() async throws {
        try await running(engine { $0.slots = 1 }) { engine in
            engine.setPace(Self.endless)
            let port = try await engine.port()
            let endless = RawClient.chat(#"{"model":"sim:1b","messages":[]}"#)
            try await RawClient.with(port) { first in
                try await first.send(endless)
                _ = try await engine.counters { $0.activeRequests == 1 }
                try await RawClient.with(port) { second in
                    try await second.send(endless)
                    _ = try await engine.counters { $0.waitingRequests == 1 }
                }
                let counters = try await engine.counters { $0.waitingRequests == 0 }
                #expect(counters.activeRequests == 1)
                #expect(counters.cancelled == 1)
            }
            _ = try await engine.counters { $0.activeRequests == 0 && $0.cancelled == 2 }
        }
    }

    @Test func aFullQueueIsAnErrorObject() async throws {
        try await running(
            engine {
                $0.slots = 1
                $0.queueLength = 0
            }
        ) { engine in
            engine.setPace(Self.endless)
            try await RawClient.with(try await engine.port()) { client in
                try await client.send(RawClient.chat(#"{"model":"sim:1b","messages":[]}"#))
                _ = try await engine.counters { $0.activeRequests == 1 }
                let (status, answer) = try await post(
                    engine, "/v1/chat/completions", #"{"model":"sim:1b","messages":[]}"#)
                #expect(status == 503)
                #expect(answer.error?.code == .string("queue_full"))
            }
        }
    }
}
