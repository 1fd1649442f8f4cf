import Gateway
import RunnerProtocol
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet

extension Integration {
    /// Agents that join a live gateway and serve calls.
    @Suite struct AgentServiceTests {
        /// A gateway that accepts agents, and an engine on this machine.
        private func withGateway(
            serving script: @escaping ScriptedEngine.Script = ScriptedEngine.wellBehaved,
            settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
            _ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Void
        ) async throws {
            let engine = try await ScriptedEngine(script)
            try await running([engine]) {
                try await RunningGateway.with([]) { settings in
                    settings.fleet.token = ScriptedAgent.token
                    settings.fleet.gracePeriod = .milliseconds(50)
                    change(&settings)
                } _: { gateway in
                    try await body(gateway, engine)
                }
            }
        }

        /// The exact messages of an agent of protocol version 1, which has no extensions.
        @Test func version1JoinsAndServes() async throws {
            try await withGateway { gateway, engine in
                let agent = try await ScriptedAgent.connect(to: gateway)
                agent.say(
                    """
                    {"type": "register", "runner_id": "old-1", "runner_name": "Old", "machine_type": "gpu-server",
                     "http_port": \(engine.port), "protocol_version": 1, "auth_token": "\(ScriptedAgent.token)",
                     "mac_address": "AA:BB:CC:DD:EE:FF",
                     "status": {"health": "healthy", "capabilities": [], "metrics": null,
                      "engines": [{"engine_type": "ollama", "is_healthy": true, "version": "0.1", "loaded_models": ["m"],
                        "available_models": [{"id": "m", "name": "m", "size_bytes": 1}], "error": null, "batch_size": 2}],
                      "model_aliases": {}}}
                    """)
                #expect(try await agent.firstText() == #"{"runner_id":"old-1","type":"register_ack"}"#)
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 200)
                #expect(response["x-simpleai-runner"] == "old-1")
                #expect(try engine.request(0)["authorization"] == nil)
                #expect(agent.connection.end == nil)
            }
        }

        @Test func aliasesGoToTheEngineAndComeBack() async throws {
            try await withGateway(serving: { _, wire in
                try await wire.send(ScriptedEngine.document(ScriptedEngine.completion(model: "local:q4")))
            }) { gateway, engine in
                let status = ScriptedAgent.status(["local:q4"], aliases: ["m": "local:q4"])
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port, status: status)
                let response = try await gateway.send(RunningGateway.chat("m"))
                #expect(response.text.contains(#""model":"m""#))
                #expect(try engine.request(0).body.contains(#""model":"local:q4""#))
                // Later statuses may rename.
                agent.say(.statusUpdate(ScriptedAgent.status(["local:q4"], aliases: ["n": "local:q4"])))
                while try await gateway.get("/v1/models", roles: ["model:specific"]).text.contains(#""id":"n""#)
                    == false
                {
                    try Task.checkCancellation()
                }
                #expect(try await gateway.send(RunningGateway.chat("n")).status == 200)
                #expect(try await gateway.send(RunningGateway.chat("m")).status != 200)
                agent.connection.close()
            }
        }

        @Test func theSecretIsSentOnlyToRequestingPeers() async throws {
            try await withGateway { gateway, engine in
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port) {
                    $0.extensions = [.httpAuth]
                }
                #expect(try await agent.firstText().contains(#""extensions":["http_auth","power","sleep","slots"]"#))
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(try engine.request(0)["authorization"] == "Bearer \(ScriptedAgent.token)")
                let plain = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(try engine.request(1)["authorization"] == nil)
                plain.connection.close()
            }
        }

        @Test func healthDecidesAboutCalls() async throws {
            try await withGateway { gateway, engine in
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 1 }
                agent.say(.heartbeat(ScriptedAgent.status(health: .unhealthy)))
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 0 }
                #expect(try await gateway.send(RunningGateway.chat()).status == 503)
                agent.say(.heartbeat(ScriptedAgent.status(health: .degraded)))
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 1 }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
            }
        }

        @Test func aMachineThatLeavesSleepsOrIsLostAndComesBack() async throws {
            try await withGateway { gateway, engine in
                let first = try await ScriptedAgent.join(gateway, as: "a", port: engine.port) {
                    $0.macAddress = MACAddress("AA:BB:CC:DD:EE:FF")
                }
                let second = try await ScriptedAgent.join(gateway, as: "b", port: engine.port)
                _ = try await gateway.metrics { $0["simpleai_agents_connected"] == 2 }
                first.connection.close()
                second.connection.socket.abort()
                let gone = try await gateway.metrics {
                    $0["simpleai_runners{state=\"asleep\"}"] == 1 && $0["simpleai_runners{state=\"lost\"}"] == 1
                }
                #expect(gone["simpleai_agents_connected"] == 0)
                let back = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                back.connection.close()
            }
        }

        /// A call has its own connection: a short loss of the WebSocket interrupts no call.
        @Test func callsOutliveTheSocket() async throws {
            let gate = Watched(false)
            try await withGateway(serving: { _, wire in
                try await wire.send(ScriptedEngine.streamHead)
                let events = ScriptedEngine.events()
                try await wire.send(ScriptedEngine.chunk(events[0]))
                _ = try await gate.value { $0 }
                for event in events.dropFirst() { try await wire.send(ScriptedEngine.chunk(event)) }
                try await wire.send(ScriptedEngine.lastChunk)
            }) { gateway, engine in
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.peek { $0.text.contains("t0") }
                agent.connection.socket.abort()
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"lost\"}"] == 1 }
                gate.update { $0 = true }
                #expect(try await wire.response().text.contains("[DONE]"))
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func aSecondRegistrationReplacesTheFirst() async throws {
            try await withGateway { gateway, engine in
                let first = try await ScriptedAgent.join(gateway, as: "a", port: 1)
                let second = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                #expect(try await first.end() == .closedByPeer(code: 1000, reason: ""))
                // The end of the first connection does not end the machine.
                _ = try await gateway.metrics {
                    $0["simpleai_agents_connected"] == 1 && $0["simpleai_runners{state=\"ready\"}"] == 1
                }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                second.say(.heartbeat(ScriptedAgent.status()))
                #expect(second.connection.end == nil)
            }
        }

        @Test func theGatewayClosesConnectionsGracefullyOnShutdown() async throws {
            try await withGateway { gateway, engine in
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                await gateway.shutDown()
                #expect(try await agent.end() == .closedByPeer(code: 1001, reason: ""))
            }
        }

        @Test func machinesAreKnownAfterARestart() async throws {
            try await withTemporaryDirectory { directory in
                let file = directory + "/state.json"
                try await withGateway(settings: { $0.fleet.stateFile = file }) { gateway, engine in
                    _ = try await ScriptedAgent.join(gateway, as: "a", port: engine.port) {
                        $0.macAddress = MACAddress("AA:BB:CC:DD:EE:FF")
                        $0.machineType = "gpu"
                    }
                    #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                }
                try await withGateway(settings: { $0.fleet.stateFile = file }) { gateway, engine in
                    _ = try await gateway.metrics { $0["simpleai_runners{state=\"asleep\"}"] == 1 }
                    let list = try await gateway.get("/v1/models", roles: ["model:specific"])
                    #expect(list.text.contains(#""id":"m""#) && list.text.contains(#""state":"asleep""#))
                    let back = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200 && response["x-simpleai-runner"] == "a")
                    back.connection.close()
                }
            }
        }

        @Test func anAgentThatGoesSilentIsAskedAndThenCutOff() async throws {
            try await withGateway(settings: { $0.fleet.runnerTimeout = .seconds(1) }) { gateway, engine in
                let agent = try await ScriptedAgent.join(gateway, as: "a", port: engine.port)
                guard case .ping(let timestamp) = try await agent.next() else {
                    Issue.record("no ping")
                    return
                }
                #expect(timestamp > 1_700_000_000)
                #expect(try await agent.end() == .closedByPeer(code: 1000, reason: ""))
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"lost\"}"] == 1 }
            }
        }
    }
}
