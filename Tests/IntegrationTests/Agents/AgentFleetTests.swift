import Settings
import SimpleAICore
import Testing

@testable import LocalFleet
@testable import RunnerAgent

extension Integration {
    /// A live gateway with agents that connect to it.
    @Suite struct AgentFleetTests {
        private static let stream = RunningGateway.chat(stream: true)

        /// Begins a stream and continues it when `go` yields.
        private static func held(_ go: AsyncStream<Void>) -> ScriptedEngine.Script {
            { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    return try await ScriptedEngine.wellBehaved(request, wire)
                }
                try await wire.send(ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0]))
                for await _ in go { break }
                for event in ScriptedEngine.events().dropFirst() { try await wire.send(ScriptedEngine.chunk(event)) }
                try await wire.send(ScriptedEngine.lastChunk)
            }
        }

        @Test func anAgentJoinsAndServes() async throws {
            try await withAgentsWelcome(ScriptedEngine.wellBehaved) { gateway, engine in
                try await JoinedAgent.with("gpu-1", of: gateway, engine: engine) { _ in
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-runner"] == "gpu-1")
                    let streamed = try await gateway.send(Self.stream)
                    #expect(streamed.events.last == "data: [DONE]\n\n")
                    // The agent removes the fleet's secret, and the gateway removes the caller's.
                    for request in engine.counts.value.requests { #expect(request["authorization"] == nil) }
                    try await gateway.settled()
                }
            }
        }

        @Test func aliasesAreTheAgents() async throws {
            try await withAgentsWelcome(ScriptedEngine.wellBehaved) { gateway, engine in
                try await JoinedAgent.with(of: gateway, engine: engine) {
                    $0.aliases = ["public:1b": "m"]
                } _: { _ in
                    let response = try await gateway.send(RunningGateway.chat("public:1b"))
                    #expect(response.status == 200)
                    #expect(try response.json()["model"] as? String == "public:1b")
                    #expect(try engine.request(0).body.contains("\"model\":\"m\""))
                }
            }
        }

        /// Gateway and agent have agreed on `http_auth`, so requests that bypass the gateway are refused.
        @Test func theAgentServesItsGatewayOnly() async throws {
            try await withAgentsWelcome(ScriptedEngine.wellBehaved) { gateway, engine in
                try await JoinedAgent.with(of: gateway, engine: engine) { agent in
                    let wire = try await Wire.connect(to: agent.port)
                    let body = RunningGateway.chat()
                    try await wire.send(
                        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                    #expect(try await wire.response().status == 401)
                    await wire.close()
                    #expect(try await gateway.send(body).status == 200)
                }
            }
        }

        @Test func anAgentThatShutsDownFinishesItsCalls() async throws {
            let (go, release) = AsyncStream.makeStream(of: Void.self)
            try await withAgentsWelcome(Self.held(go)) { gateway, engine in
                try await JoinedAgent.with(of: gateway, engine: engine) { agent in
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(Self.stream))
                    try await wire.read(until: "t0")
                    await agent.shutDown()
                    // The gateway learns of the shutdown before the agent stops listening.
                    _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 0 }
                    release.yield()
                    let response = try await wire.response()
                    #expect(response.endedCleanly)
                    #expect(response.events == ScriptedEngine.events())
                    await wire.close()
                }
                try await gateway.settled()
            }
        }

        /// Like a power failure: connections close without any message.
        @Test func anAgentThatVanishesEndsItsCallsInErrors() async throws {
            let (go, _) = AsyncStream.makeStream(of: Void.self)
            try await withAgentsWelcome(Self.held(go)) { gateway, engine in
                let wires = try await JoinedAgent.untilPowerFails(of: gateway, engine: engine) {
                    var wires: [Wire] = []
                    for _ in 0..<8 {
                        let wire = try await gateway.connect()
                        try await wire.send(gateway.request(Self.stream))
                        try await wire.read(until: "t0")
                        wires.append(wire)
                    }
                    return wires
                }
                for wire in wires {
                    let response = try await wire.response()
                    #expect(response.text.contains("\"error\":{"))
                    #expect(!response.text.contains("[DONE]"))
                    await wire.close()
                }
                try await gateway.settled()
                // After a restart it is the same machine.
                try await JoinedAgent.with(of: gateway, engine: engine) { _ in
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                }
            }
        }

        @Test func aWrongTokenIsRefused() async throws {
            try await withAgentsWelcome(ScriptedEngine.wellBehaved) { gateway, engine in
                var settings = JoinedAgent.settings("a1", gateway, engine)
                settings.token = "another"
                let (lines, line) = AsyncStream.makeStream(of: String.self)
                let agent = try RunnerAgent(settings: settings, logger: .telling { line.yield($0) })
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await agent.run() }
                    for await text in lines where text == "Registration refused" { break }
                    group.cancelAll()
                }
                let metrics = try await gateway.metrics { _ in true }
                #expect((metrics["simpleai_runners{state=\"ready\"}"] ?? 0) == 0)
            }
        }
    }
}
