import Relay
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet
@testable import RunnerAgent

extension Integration {
    /// A request that crashes an engine is not shown to another one, also if agents are in between.
    @Suite struct AgentFailureTests {
        struct Crash: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let script: ScriptedEngine.Script
        }

        static let crashes: [Crash] = [
            Crash(testDescription: "without a response") { request, wire in
                let length = request["content-length"].flatMap { Int($0) } ?? 0
                _ = try await wire.state.value { $0.received.count >= length || $0.hasEnded }
                throw ScriptedEngine.ClientLeft()
            },
            Crash(testDescription: "during the request") { _, _ in throw ScriptedEngine.ClientLeft() },
            Crash(testDescription: "in the response's head") { _, wire in
                try await wire.send("HTTP/1.1 200 OK\r\nContent-")
                throw ScriptedEngine.ClientLeft()
            },
            Crash(testDescription: "with a malformed response") { _, wire in
                try await wire.send("HTTP/1.1 OK\r\n\r\n")
                throw ScriptedEngine.ClientLeft()
            },
        ]

        private static let form =
            "--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
            + "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
            + String(repeating: "x", count: 2 << 20) + "\r\n--xx--\r\n"

        @Test(arguments: crashes, [false, true])
        func oneEngineReceivesTheRequest(crash: Crash, isForm: Bool) async throws {
            let engines = [
                try await ScriptedEngine(readsBodies: false, crash.script),
                try await ScriptedEngine(readsBodies: false, crash.script),
            ]
            try await running(engines) {
                try await RunningGateway.with([], awaitRunners: false) {
                    $0.fleet.token = JoinedAgent.token
                } _: { gateway in
                    try await JoinedAgent.with("a1", of: gateway, engine: engines[0]) { _ in
                        try await JoinedAgent.with("a2", of: gateway, engine: engines[1]) { _ in
                            try await gateway.await(.ready, 2)
                            let response =
                                isForm
                                ? try await gateway.send(
                                    Self.form, "POST", "/v1/audio/transcriptions",
                                    fields: ["Content-Type: multipart/form-data; boundary=xx"])
                                : try await gateway.send(RunningGateway.chat())
                            #expect(response.status == 502)
                            #expect(try response.error().code == "upstream_error")
                            #expect(engines.map { $0.counts.value.requests.count }.reduce(0, +) == 1)
                            try await gateway.settled()
                        }
                    }
                }
            }
        }

        /// A call that no engine has received moves.
        @Test func aRefusedConnectionMovesTheCall() async throws {
            let engines = [
                try await ScriptedEngine(ScriptedEngine.wellBehaved),
                try await ScriptedEngine(ScriptedEngine.wellBehaved),
            ]
            try await running(engines) {
                try await RunningGateway.with([], awaitRunners: false) {
                    $0.fleet.token = JoinedAgent.token
                } _: { gateway in
                    try await JoinedAgent.with("a1", of: gateway, engine: engines[0]) { _ in
                        try await JoinedAgent.with("a2", of: gateway, engine: engines[1]) { _ in
                            try await gateway.await(.ready, 2)
                            await engines[0].stopListening()
                            for _ in 1...4 { #expect(try await gateway.send(RunningGateway.chat()).status == 200) }
                        }
                    }
                }
            }
        }

        // MARK: Forms whose model is last

        private static let formWithModelLast =
            "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
            + String(repeating: "x", count: 4 << 20)
            + "\r\n--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--xx--\r\n"

        @Test func aModelInTheHeadSavesTheAgentsMemory() async throws {
            let budget = BufferBudget(limit: 1 << 20, minShare: 1 << 20)
            try await AgentServer.with(ScriptedEngine.wellBehaved, budget: budget) { agent in
                let fields = ["Content-Type: multipart/form-data; boundary=xx"]
                let body = Self.formWithModelLast
                let response = try await agent.send(
                    body, "POST", "/v1/audio/transcriptions", fields: fields + ["X-SimpleAI-Engine-Model: m"])
                #expect(response.status == 200)
                let request = try agent.engine.request(0)
                #expect(request.body == body && request[AgentRequest.modelField] == nil)
                let unknown = try await agent.send(
                    body, "POST", "/v1/audio/transcriptions", fields: fields + ["X-SimpleAI-Engine-Model: other"])
                #expect(try unknown.status == 404 && unknown.error().code == "model_not_found")
                // Without it, the agent must hold the form; it refuses it before it has received all of it.
                let wire = try await agent.connect()
                let held = agent.request(body, "POST", "/v1/audio/transcriptions", fields: fields)
                try await wire.send(String(held.prefix(2 << 20)))
                let refused = try await wire.response()
                #expect(refused.status == 503 && refused["connection"] == "close")
                #expect(try refused.error().code == "queue_full")
                await wire.close()
                try await agent.settled()
            }
        }

        /// The gateway sends agents, and only them, the name by which the form that they receive names the model.
        @Test func theGatewayStatesTheModelToAgents() async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port, models: ["s"])]) {
                    $0.fleet.token = ScriptedAgent.token
                } _: { gateway in
                    let status = ScriptedAgent.status(["local:q4", "with space"], aliases: ["m": "local:q4"])
                    let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port, status: status)
                    for (model, stated) in [("m", "local:q4"), ("with space", nil), ("s", nil)] {
                        let body =
                            "--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\(model)\r\n"
                            + "--xx\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--xx--\r\n"
                        let count = engine.counts.value.requests.count
                        let response = try await gateway.send(
                            body, "POST", "/v1/audio/transcriptions",
                            fields: [
                                "Content-Type: multipart/form-data; boundary=xx", "X-SimpleAI-Engine-Model: caller",
                            ])
                        #expect(response.status == 200)
                        #expect(try engine.request(count)[AgentRequest.modelField] == stated)
                    }
                    #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                    #expect(engine.counts.value.requests.last?[AgentRequest.modelField] == nil)
                    #expect(agent.connection.end == nil)
                }
            }
        }
    }
}
