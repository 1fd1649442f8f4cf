import NIOCore
import Testing

@testable import LocalFleet
@testable import RunnerAgent

extension Integration {
    /// Calls that the gateway sends through an agent.
    @Suite struct AgentCallTests {
        private static let chat = RunningGateway.chat()
        private static let stream = RunningGateway.chat(stream: true)

        @Test func documentsPassByteForByte() async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                let response = try await agent.send(
                    Self.chat,
                    fields: ["X-Request-Id: r-1", "traceparent: 00-ab-cd-01", "X-Custom: no", "Origin: https://a"])
                #expect(response.status == 200)
                #expect(response.text == ScriptedEngine.completion())
                #expect(response["content-length"] != nil)
                let request = try agent.engine.request(0)
                #expect(request.body == Self.chat)
                #expect(request["x-request-id"] == "r-1")
                #expect(request["traceparent"] == "00-ab-cd-01")
                #expect(request["x-custom"] == nil && request["origin"] == nil)
                try await agent.settled()
                #expect(agent.services.counts.total.processed == 1)
            }
        }

        /// Every event reaches the gateway before the engine sends the next one.
        @Test func streamsPassAsTheyCome() async throws {
            let (steps, step) = AsyncStream.makeStream(of: Void.self)
            try await AgentServer.with { _, wire in
                try await wire.send(ScriptedEngine.streamHead)
                var next = steps.makeAsyncIterator()
                for event in ScriptedEngine.events() {
                    try await wire.send(ScriptedEngine.chunk(event))
                    _ = await next.next()
                }
                try await wire.send(ScriptedEngine.lastChunk)
            } _: { agent in
                let wire = try await agent.connect()
                try await wire.send(agent.request(Self.stream))
                for count in 1...ScriptedEngine.events().count {
                    let response = try await wire.peek { $0.events.count == count }
                    #expect(response.events == Array(ScriptedEngine.events().prefix(count)))
                    step.yield()
                }
                #expect(try await wire.response().endedCleanly)
                await wire.close()
            }
        }

        @Test func connectionsAreKept() async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                let wire = try await agent.connect()
                for _ in 1...3 {
                    try await wire.send(agent.request(Self.chat))
                    #expect(try await wire.response().status == 200)
                }
                await wire.close()
                #expect(agent.engine.counts.value.connections == 1)
            }
        }

        @Test(arguments: [false, true])
        func aGatewayThatHangsUpEndsTheEnginesWork(stream: Bool) async throws {
            try await AgentServer.with { request, wire in
                if stream {
                    try await wire.send(ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0]))
                }
                try await ScriptedEngine.silent(request, wire)
            } _: { agent in
                let wire = try await agent.connect()
                try await wire.send(agent.request(stream ? Self.stream : Self.chat))
                if stream { try await wire.read(until: "t0") }
                _ = try await agent.engine.counts.value { $0.requests.count == 1 }
                #expect(agent.services.counts.total.active == 1)
                await wire.close()
                _ = try await agent.engine.counts.value { $0.departures == 1 }
                try await agent.settled()
                #expect(agent.services.counts.total.processed == 0)
            }
        }

        /// A clean end would make the gateway take a truncated response for a complete one.
        @Test(arguments: [true, false])
        func anEngineThatDiesAbortsTheResponse(stream: Bool) async throws {
            try await AgentServer.with { _, wire in
                try await wire.send(
                    stream
                        ? ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0])
                        : "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"model\":")
                await wire.close()
            } _: { agent in
                let response = try await agent.send(stream ? Self.stream : Self.chat)
                #expect(response.status == 200)
                #expect(!response.endedCleanly)
                try await agent.settled()
            }
        }

        /// 503 lets the gateway try another runner.
        @Test func reportsAnUnreachableEngine() async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                await agent.engine.stopListening()
                let response = try await agent.send(Self.chat)
                #expect(response.status == 503)
                #expect(try response.error().code == "no_runner_available")
                try await agent.settled()
            }
        }

        @Test func aStaleConnectionIsReplacedUnnoticed() async throws {
            try await AgentServer.with { request, wire in
                try await ScriptedEngine.wellBehaved(request, wire)
                await wire.close()
            } _: { agent in
                for _ in 1...5 {
                    let response = try await agent.send(Self.chat)
                    #expect(response.status == 200)
                }
            }
        }

        @Test func errorsOfTheEngineAreTheEngines() async throws {
            try await AgentServer.with { _, wire in
                try await wire.send(ScriptedEngine.document("{\"error\":\"x\"}", status: "429 Slow down"))
            } _: { agent in
                let response = try await agent.send(Self.chat)
                #expect(response.status == 429)
                #expect(response.text == "{\"error\":\"x\"}")
            }
        }

        /// A gateway that stops reading stops the engine, and the agent buffers nothing for it.
        @Test func backPressureReachesTheEngine() async throws {
            let sent = Watched(0)
            try await AgentServer.with { _, wire in
                try await wire.send(ScriptedEngine.streamHead)
                let event = ScriptedEngine.chunk("data: \(String(repeating: "x", count: 64 << 10))\n\n")
                for _ in 0..<1_000 {
                    try await wire.send(event)
                    sent.update { $0 += 1 }
                }
                try await wire.send(ScriptedEngine.lastChunk)
            } _: { agent in
                let wire = try await Wire.connect(to: agent.server.port, window: 16 << 10, segment: 1_400)
                try await wire.pauseReading()
                try await wire.send(agent.request(Self.stream))
                _ = try await sent.value { $0 > 0 }
                // 64 MiB would have passed within far fewer calls.
                for _ in 1...200 { #expect(try await agent.send("", "GET", "/health").status == 200) }
                #expect(sent.value < 900)
                try await wire.resumeReading()
                _ = try await sent.value { $0 == 1_000 }
                await wire.close()
            }
        }

        // MARK: Refusals

        @Test(arguments: [
            ("{\"model\":\"other\"}", "/v1/chat/completions", 404, "model_not_found"),
            ("{\"messages\":[]}", "/v1/chat/completions", 400, "invalid_request"),
            ("{\"model\":7}", "/v1/chat/completions", 400, "invalid_request"),
            ("{\"model\":\"m\"", "/v1/chat/completions", 400, "invalid_json"),
            ("{\"model\":\"m\",\"model\":\"m\"}", "/v1/completions", 400, "invalid_request"),
            ("{\"model\":\"m\",\"Model\":\"other\"}", "/v1/chat/completions", 400, "invalid_request"),
            ("{\"\u{17F}tream\":true,\"model\":\"m\"}", "/v1/responses", 400, "invalid_request"),
            ("nonsense", "/v1/embeddings", 400, "invalid_json"),
            ("{}", "/v1/else", 404, "not_found"),
        ])
        func whatCannotBeSentOnIsRefused(body: String, path: String, status: Int, code: String) async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                let response = try await agent.send(body, "POST", path)
                #expect(response.status == status)
                #expect(try response.error().code == code)
                try await agent.settled()
                #expect(agent.engine.counts.value.requests.isEmpty)
            }
        }

        @Test func otherPathsAndMethods() async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                #expect(try await agent.send("", "GET", "/health").text == "{\"status\":\"ok\",\"active\":0}")
                let list = try await agent.send("", "GET", "/v1/models")
                #expect(list.text.contains("\"id\":\"m\""))
                #expect(try await agent.send("", "GET", "/v1/completions")["allow"] == "POST")
                #expect(try await agent.send("", "POST", "/v1/models")["allow"] == "GET, HEAD")
                #expect(try await agent.send(Self.chat, "POST", "//v1/v1/chat//completions/?x").status == 200)
                let encoded = try await agent.send(Self.chat, fields: ["Content-Encoding: gzip"])
                #expect(encoded.status == 415 && encoded["accept-encoding"] == "identity")
                let twice = try await agent.send(Self.chat, fields: ["X-Request-Id: a", "X-Request-Id: b"])
                #expect(try twice.status == 400 && twice.error().param == "x-request-id")
                #expect(try await agent.send("", "GET", "/").status == 404)
            }
        }

        @Test(arguments: [
            ("", 401), ("Authorization: Bearer wrong-secret", 401), ("Authorization: Bearer fleet-secre", 401),
            ("Authorization: Basic fleet-secret", 401), ("Authorization: Bearer fleet-secret", 200),
        ])
        func theSecretIsDemandedWhereItIsAgreed(field: String, status: Int) async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved, demandsSecret: true) { agent in
                let fields = field.isEmpty ? [] : [field]
                let response = try await agent.send(Self.chat, fields: fields)
                #expect(response.status == status)
                #expect(try await agent.send("", "GET", "/v1/models", fields: fields).status == status)
                // The health endpoint needs no secret.
                #expect(try await agent.send("", "GET", "/health", fields: fields).status == 200)
                // The secret never reaches the engine.
                #expect(agent.engine.counts.value.requests.allSatisfy { $0["authorization"] == nil })
            }
        }

        /// A gateway of protocol version 1 has no secret to send.
        @Test func theSecretIsNotDemandedWhereItIsNotAgreed() async throws {
            try await AgentServer.with(ScriptedEngine.wellBehaved) { agent in
                let response = try await agent.send(Self.chat)
                #expect(response.status == 200)
            }
        }

        // MARK: Shutdown

        @Test func callsThatRunAreFinishedAndNoOthersTaken() async throws {
            let (go, release) = AsyncStream.makeStream(of: Void.self)
            try await AgentServer.with { request, wire in
                try await wire.send(ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0]))
                var next = go.makeAsyncIterator()
                _ = await next.next()
                for event in ScriptedEngine.events().dropFirst() {
                    try await wire.send(ScriptedEngine.chunk(event))
                }
                try await wire.send(ScriptedEngine.lastChunk)
            } _: { agent in
                let idle = try await agent.connect()
                let wire = try await agent.connect()
                try await wire.send(agent.request(Self.stream))
                try await wire.read(until: "t0")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await agent.server.end(by: .now() + .seconds(30)) }
                    // No call is in progress on this connection.
                    try await idle.isLeft()
                    await #expect(throws: (any Error).self) { try await agent.connect() }
                    release.yield()
                    let response = try await wire.response()
                    #expect(response.endedCleanly)
                    #expect(response.events == ScriptedEngine.events())
                    try await wire.isLeft()
                    try await group.waitForAll()
                }
            }
        }

        @Test func callsThatTakeTooLongAreCut() async throws {
            try await AgentServer.with { request, wire in
                try await wire.send(ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0]))
                try await ScriptedEngine.silent(request, wire)
            } _: { agent in
                let wire = try await agent.connect()
                try await wire.send(agent.request(Self.stream))
                try await wire.read(until: "t0")
                await agent.server.end(by: .now() + .milliseconds(50))
                #expect(try await !wire.response().endedCleanly)
                _ = try await agent.engine.counts.value { $0.departures == 1 }
            }
        }
    }
}
