import Gateway
import NIOCore
import RunnerProtocol
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet

extension Integration {
    /// Peers that violate the protocol or impersonate other agents, while a well-behaved agent serves calls.
    @Suite struct HostileAgentTests {
        private func besideAGoodAgent(
            settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
            _ body: @escaping @Sendable (RunningGateway, _ port: Int) async throws -> Void
        ) async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([]) { settings in
                    settings.fleet.token = ScriptedAgent.token
                    settings.fleet.gracePeriod = .milliseconds(50)
                    change(&settings)
                } _: { gateway in
                    let good = try await ScriptedAgent.join(gateway, as: "good", port: engine.port)
                    try await body(gateway, engine.port)
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200 && response["x-simpleai-runner"] == "good")
                    #expect(good.connection.end == nil)
                    try await gateway.settled()
                }
            }
        }

        private func errors(_ code: String) -> String { "simpleai_agent_protocol_errors_total{code=\"\(code)\"}" }

        struct Opening: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let code: ProtocolErrorCode
            let message: @Sendable (Int) -> String
        }

        static let openings: [Opening] = [
            Opening(testDescription: "garbage", code: .parseError) { _ in "{]" },
            Opening(testDescription: "a heartbeat", code: .protocolError) { _ in
                MessageCodec.text(.heartbeat(ScriptedAgent.status()))
            },
            Opening(testDescription: "an unknown type", code: .protocolError) { _ in #"{"type":"hello"}"# },
            Opening(testDescription: "a wrong token", code: .authFailed) { port in
                MessageCodec.text(.register(ScriptedAgent.registration("evil", port: port) { $0.authToken = "guess" }))
            },
            Opening(testDescription: "another version", code: .authFailed) { port in
                MessageCodec.text(.register(ScriptedAgent.registration("evil", port: port) { $0.protocolVersion = 2 }))
            },
            Opening(testDescription: "an empty id", code: .authFailed) { port in
                MessageCodec.text(.register(ScriptedAgent.registration("", port: port)))
            },
            Opening(testDescription: "another host", code: .protocolError) { port in
                MessageCodec.text(
                    .register(
                        ScriptedAgent.registration("evil", port: port) { $0.httpBaseURL = "http://10.0.0.5:80" }))
            },
            Opening(testDescription: "another agent's token", code: .authFailed) { port in
                MessageCodec.text(.register(ScriptedAgent.registration("bound", port: port)))
            },
        ]

        @Test(arguments: openings) func reportsAndClosesAnInvalidOpening(_ opening: Opening) async throws {
            try await besideAGoodAgent(settings: { $0.fleet.tokens = ["bound": "another"] }) { gateway, port in
                let agent = try await ScriptedAgent.connect(to: gateway)
                agent.say(opening.message(port))
                #expect(try await agent.error() == opening.code)
                #expect(try await agent.end() == .closedByPeer(code: 1000, reason: ""))
                let metrics = try await gateway.metrics { $0[errors(opening.code.rawValue)] == 1 }
                #expect(metrics["simpleai_agents_connected"] == 1)
                #expect(metrics["simpleai_runners{state=\"ready\"}"] == 1)
            }
        }

        @Test func idsOfStaticRunnersCannotBeTaken() async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port, id: "static")]) {
                    $0.fleet.token = ScriptedAgent.token
                } _: { gateway in
                    let agent = try await ScriptedAgent.connect(to: gateway)
                    agent.say(.register(ScriptedAgent.registration("static", port: 1)))
                    #expect(try await agent.error() == .authFailed)
                    #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                }
            }
        }

        @Test func withoutATokenTheGatewayReportsIt() async throws {
            try await RunningGateway.with([]) { gateway in
                let agent = try await ScriptedAgent.connect(to: gateway)
                agent.say(.register(ScriptedAgent.registration("a", port: 1) { $0.authToken = "" }))
                guard case .error(.authFailed, let message) = try await agent.next() else {
                    Issue.record("no AUTH_FAILED")
                    return
                }
                #expect(message.contains("fleet.token is empty"))
            }
        }

        @Test func giantMessagesAreRefused() async throws {
            try await besideAGoodAgent { gateway, port in
                let agent = try await ScriptedAgent.connect(to: gateway)
                agent.say(String(repeating: "x", count: 2 << 20))
                #expect(try await agent.end() == .closedByPeer(code: 1009, reason: ""))
            }
        }

        @Test func floodsAreCutOff() async throws {
            try await besideAGoodAgent { gateway, port in
                let agent = try await ScriptedAgent.join(
                    gateway, as: "evil", port: port, status: ScriptedAgent.status(["other"]))
                for _ in 1...1_000 { agent.say(.heartbeat(ScriptedAgent.status(["other"]))) }
                #expect(try await agent.end() == .closedByPeer(code: 1008, reason: ""))
                _ = try await gateway.metrics { $0["simpleai_agents_connected"] == 1 }
            }
        }

        @Test func garbageAfterTheUpgradeIsCutOff() async throws {
            try await besideAGoodAgent { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(Self.upgrade)
                _ = try await wire.read(until: "\r\n\r\n")
                try await wire.send(Array(repeating: 0xFF, count: 10_000))
                try await wire.finish()
                try await wire.isLeft()
                await wire.close()
            }
        }

        static let upgrade =
            "GET /ws/runners HTTP/1.1\r\nHost: gateway\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

        /// The example of RFC 6455 §1.3.
        @Test func theHandshakeIsThatOfTheStandard() async throws {
            try await besideAGoodAgent { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(Self.upgrade)
                let response = try await wire.read(until: "\r\n\r\n")
                #expect(response.hasPrefix("HTTP/1.1 101 "))
                #expect(response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
                await wire.close()
            }
        }

        @Test func bytesBeforeTheResponseEndTheConnection() async throws {
            try await besideAGoodAgent { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(Self.upgrade + Self.upgrade)
                try await wire.isLeft()
                await wire.close()
            }
        }

        /// Unauthenticated peers hold all their places; an address that has registered before is still admitted.
        @Test func knownAgentsRegisterWhileUnauthenticatedPeersHoldAllPlaces() async throws {
            try await besideAGoodAgent { gateway, port in
                var unauthenticatedPeers: [Wire] = []
                for number in 0..<300 {
                    let wire = try await gateway.connect(from: "127.0.1.\(number % 100 + 1)")
                    try await wire.send(Self.upgrade)
                    unauthenticatedPeers.append(wire)
                }
                let full = try await gateway.metrics {
                    ($0["simpleai_limit_rejections_total{limit=\"agent_sockets\"}"] ?? 0) >= 1
                }
                #expect(full["simpleai_agents_connected"] == 1)
                for number in 0..<20 {
                    let agent = try await ScriptedAgent.join(
                        gateway, as: RunnerID("back\(number)"), port: port, status: ScriptedAgent.status(["other"]))
                    agent.connection.socket.abort()
                }
                for peer in unauthenticatedPeers { await peer.close() }
            }
        }

        /// A new agent that registers is admitted: silent connections are evicted.
        @Test func aNewAgentRegistersWhileUnauthenticatedPeersHoldAllPlaces() async throws {
            try await RunningGateway.with([]) {
                $0.fleet.token = ScriptedAgent.token
            } _: { gateway in
                var unauthenticatedPeers: [Wire] = []
                for number in 0..<300 {
                    let wire = try await gateway.connect(from: "127.0.1.\(number % 100 + 1)")
                    try await wire.send(Self.upgrade)
                    unauthenticatedPeers.append(wire)
                }
                var agent: ScriptedAgent?
                while agent == nil {
                    do {
                        agent = try await ScriptedAgent.join(gateway, as: "new", port: 1)
                    } catch WebSocketConnectError.refused(status: 429) {
                        // Retries like an agent, until the older connections have been idle for their second.
                        try Task.checkCancellation()
                    }
                }
                _ = try await gateway.metrics { $0["simpleai_agents_connected"] == 1 }
                for peer in unauthenticatedPeers { await peer.close() }
            }
        }

        /// A peer with the shared token can invent agents, each with a large status: both their number and size are
        /// limited.
        @Test func madeUpAgentsTakeTheirShareOfMemoryAndNoMore() async throws {
            try await besideAGoodAgent { gateway, port in
                let models = (0..<900).map { "\($0)" + String(repeating: "x", count: 250) }
                var agents: [ScriptedAgent] = []
                var refused = 0
                for number in 0..<30 {
                    let agent = try await ScriptedAgent.connect(to: gateway)
                    agent.say(
                        .register(
                            ScriptedAgent.registration(
                                RunnerID("evil\(number)"), port: port, status: ScriptedAgent.status(models))))
                    switch try await agent.next() {
                    case .registerAck: agents.append(agent)
                    case .error(.protocolError, let message):
                        #expect(message.contains("too many models"))
                        refused += 1
                    default: Issue.record("neither taken nor refused")
                    }
                }
                #expect((12...16).contains(agents.count) && refused == 30 - agents.count)
                // An agent that was accepted cannot grow beyond the limit either, and keeps its last valid status.
                let small = try await ScriptedAgent.join(
                    gateway, as: "small", port: port, status: ScriptedAgent.status(["other"]))
                small.say(.heartbeat(ScriptedAgent.status(models)))
                _ = try await gateway.metrics {
                    ($0["simpleai_limit_rejections_total{limit=\"agents\"}"] ?? 0) >= Double(refused + 1)
                }
                #expect(try await gateway.get("/v1/models/other").status == 200)
                for agent in agents { agent.connection.socket.abort() }
                _ = try await gateway.metrics { $0["simpleai_agents_connected"] == 2 }
            }
        }

        @Test func aStormOfRegistrationsIsStopped() async throws {
            try await besideAGoodAgent { gateway, port in
                var refused = 0
                for _ in 1...40 {
                    let agent = try await ScriptedAgent.connect(to: gateway)
                    agent.say(
                        .register(
                            ScriptedAgent.registration("evil", port: port, status: ScriptedAgent.status(["other"]))))
                    if case .error(.protocolError, _) = try await agent.next() {
                        refused += 1
                        break
                    }
                }
                #expect(refused == 1)
            }
        }

        @Test func ordinaryRequestsGetOrdinaryResponses() async throws {
            try await besideAGoodAgent { gateway, _ in
                let plain = try await gateway.get("/ws/runners")
                #expect(plain.status == 400)
                #expect(try plain.error().code == "invalid_request")
                #expect(try await gateway.send("{}", "POST", "/ws/runners").status == 405)
                // WebSocket upgrades of other paths are ignored.
                let elsewhere = try await gateway.get("/health", fields: ["Connection: Upgrade", "Upgrade: websocket"])
                #expect(elsewhere.status == 200)
            }
        }
    }
}
