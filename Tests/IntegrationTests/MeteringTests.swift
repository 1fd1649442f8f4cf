import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Metering of responses, complete or not.
    @Suite struct MeteringTests {
        private typealias Engine = ScriptedEngine

        private static let usage =
            "\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":40,\"prompt_tokens_details\":{\"cached_tokens\":20},"
            + "\"completion_tokens_details\":{\"reasoning_tokens\":10}}"

        private static func inFast(_ stream: Bool) -> String { RunningGateway.chat("class:fast", stream: stream) }

        @Test func usageIsReadFromDocumentsAndStreams() async throws {
            let mayRespond = Watched(false)
            let chunk = "data: {\"model\":\"m\",\"choices\":[],\(Self.usage)}\n\n"
            try await withEngine { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    _ = try await mayRespond.value { $0 }
                    return try await wire.send(Engine.document("{\"model\":\"m\",\"choices\":[],\(Self.usage)}"))
                }
                try await wire.send(Engine.streamHead)
                for event in Engine.events().dropLast() + [chunk, "data: [DONE]\n\n"] {
                    try await wire.send(Engine.chunk(event))
                }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(Self.inFast(false)))
                // Whole exchanges: after 40 of them time has certainly passed.
                for _ in 1...40 { _ = try await gateway.get("/health") }
                mayRespond.update { $0 = true }
                #expect(try await wire.response().status == 200)
                await wire.close()
                let stream = try await gateway.send(Self.inFast(true))
                #expect(stream.text == Engine.events().joined())

                let metrics = try await gateway.metrics { $0["simpleai_tokens_total{kind=\"completion\"}"] == 80 }
                #expect(metrics["simpleai_tokens_total{kind=\"prompt\"}"] == 60)
                #expect(metrics["simpleai_cached_prompt_tokens_total"] == 40)
                #expect(metrics["simpleai_reasoning_tokens_total"] == 20)
                #expect(metrics["simpleai_time_to_first_token_seconds_count{class=\"fast\"}"] == 1, "of the stream")
                #expect(try #require(metrics["simpleai_tokens_per_second_count{class=\"fast\"}"]) >= 1)
                #expect(try #require(metrics["simpleai_tokens_per_second_sum{class=\"fast\"}"]) > 0)
                #expect(metrics["simpleai_interrupted_stream_tokens_total{kind=\"generated\"}"] == 0)
                try await gateway.settled()
            }
        }

        private static let openEnd: Engine.Script = { request, wire in
            try await wire.send(Engine.streamHead)
            for event in Engine.events(tokens: 5).prefix(5) { try await wire.send(Engine.chunk(event)) }
            try await Engine.silent(request, wire)
        }

        @Test func whatALeavingClientGotIsCounted() async throws {
            try await withEngine(Self.openEnd) { gateway, _ in
                for reset in [false, true] {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(Self.inFast(true)))
                    try await wire.read(until: "t4")
                    if reset { try await wire.reset() } else { await wire.close() }
                    try await gateway.settled()
                }
                let metrics = try await gateway.metrics { _ in true }
                #expect(metrics["simpleai_calls_total{class=\"fast\",code=\"client_gone\"}"] == 2)
                #expect(metrics["simpleai_interrupted_stream_tokens_total{kind=\"generated\"}"] == 10)
                #expect(metrics["simpleai_interrupted_stream_tokens_total{kind=\"delivered\"}"] == 10)
                #expect(metrics["simpleai_time_to_first_token_seconds_count{class=\"fast\"}"] == 2)
            }
        }

        @Test func whatALostEngineMadeIsCounted() async throws {
            try await withEngine { request, wire in
                try await wire.send(Engine.streamHead)
                for event in Engine.events(tokens: 5).prefix(3) { try await wire.send(Engine.chunk(event)) }
                try await wire.finish()
                throw Engine.ClientLeft()
            } _: { gateway, _ in
                _ = try await gateway.send(Self.inFast(true))
                try await gateway.settled()
                let metrics = try await gateway.metrics { _ in true }
                #expect(metrics["simpleai_interrupted_stream_tokens_total{kind=\"generated\"}"] == 3)
                #expect(metrics["simpleai_interrupted_stream_tokens_total{kind=\"delivered\"}"] == 3)
            }
        }

        /// Bytes in the gateway's buffers when the client disconnects have not been delivered.
        @Test func whatAStalledClientDidNotTakeIsNotDelivered() async throws {
            let taken = Watched(0)
            let event =
                "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
                + String(repeating: "x", count: 4 << 10) + "\"},\"finish_reason\":null}]}\n\n"
            try await withEngine { request, wire in
                try await wire.send(Engine.streamHead)
                for _ in 0..<5_000 {
                    try await wire.send(Engine.chunk(event))
                    taken.update { $0 += 1 }
                }
                try await Engine.silent(request, wire)
            } _: { gateway, _ in
                let wire = try await gateway.connect(window: 16 << 10, segment: 1_400)
                try await wire.pauseReading()
                try await wire.send(gateway.request(Self.inFast(true)))
                _ = try await taken.value { $0 > 20 }
                _ = try await gateway.stalled { taken.value }
                try await wire.reset()
                try await gateway.settled()
                let metrics = try await gateway.metrics { _ in true }
                let generated = try #require(metrics["simpleai_interrupted_stream_tokens_total{kind=\"generated\"}"])
                let delivered = try #require(metrics["simpleai_interrupted_stream_tokens_total{kind=\"delivered\"}"])
                #expect(delivered < generated && generated < 5_000, "\(delivered) of \(generated)")
            }
        }

        // MARK: Memory for responses

        /// What another attempt would need is released when the stream begins: no attempt follows.
        @Test func aStreamHoldsNoRequest() async throws {
            let (mayBegin, mayEnd) = (Watched(false), Watched(false))
            let request = RunningGateway.chat("class:fast", stream: true, more: "\"user\":\"u\",")
                .replacing("hi", with: String(repeating: "x", count: 100 << 10))
            try await withEngine { _, wire in
                _ = try await mayBegin.value { $0 }
                try await wire.send(Engine.streamHead)
                var events = Engine.events()
                try await wire.send(Engine.chunk(events.removeFirst()))
                _ = try await mayEnd.value { $0 }
                for event in events { try await wire.send(Engine.chunk(event)) }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(request))
                _ = try await gateway.metrics { ($0["simpleai_buffered_bytes"] ?? 0) >= Double(100 << 10) }
                mayBegin.update { $0 = true }
                try await wire.read(until: "data: ")
                _ = try await gateway.metrics { $0["simpleai_buffered_bytes"] == 0 && $0["simpleai_calls_open"] == 1 }
                mayEnd.update { $0 = true }
                #expect(try await wire.response().endedCleanly)
                // The connection's next request has its own header fields.
                try await wire.send(gateway.request(RunningGateway.chat("class:fast", stream: true)))
                #expect(try await wire.response().status == 200)
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func collectedResponsesAreBoundedOverAllCalls() async throws {
            let document = Engine.document(Engine.completion(String(repeating: "x", count: 40 << 10)))
            let mayEnd = Watched(false)
            try await withEngine { request, wire in
                try await wire.send(String(document.dropLast()))
                _ = try await mayEnd.value { $0 }
                try await wire.send(String(document.suffix(1)))
            } settings: {
                $0.server.maxBuffered = .kibibytes(64)
            } _: { gateway, engine in
                let first = try await gateway.connect()
                try await first.send(gateway.request(RunningGateway.chat()))
                _ = try await gateway.metrics { ($0["simpleai_buffered_bytes"] ?? 0) >= Double(40 << 10) }
                let second = try await gateway.send(RunningGateway.chat())
                #expect(second.status == 503)
                #expect(try second.error().code == "queue_full")
                #expect(second["retry-after"] != nil)
                mayEnd.update { $0 = true }
                let response = try await first.response()
                #expect(response.status == 200 && response.endedCleanly)
                await first.close()
                try await gateway.settled()
                #expect(try await gateway.send(RunningGateway.chat()).status == 200, "there is room again")
            }
        }

        /// A response that the client has not read yet stays in memory, and counts until it is read.
        @Test func aResponseThatIsNotReadIsStillBuffered() async throws {
            let size = 16 << 20
            try await withEngine { _, wire in
                // The gateway cannot know that this is a result before its end.
                let document = "{\"object\":\"list\",\"x\":\"\(String(repeating: "x", count: size))\"}"
                try await wire.send(Engine.document(document))
            } _: { gateway, _ in
                let wire = try await gateway.connect(window: 16 << 10, segment: 1_400)
                try await wire.pauseReading()
                try await wire.send(gateway.request(Self.inFast(false)))
                let over = try await gateway.metrics {
                    $0["simpleai_calls_total{class=\"fast\",code=\"ok\"}"] == 1 && $0["simpleai_leases"] == 0
                }
                #expect(try #require(over["simpleai_buffered_bytes"]) > Double(size))
                try await wire.resumeReading()
                let response = try await wire.response()
                #expect(response.endedCleanly && response.body.count > size)
                await wire.close()
                try await gateway.settled()
            }
        }
    }
}
