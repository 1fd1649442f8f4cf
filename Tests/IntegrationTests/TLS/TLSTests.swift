import NIOCore
import NIOSSL
import Settings
import SimpleAICore
import StandIn
import Testing

@testable import LocalFleet

extension Integration {
    /// TLS for clients: negotiation, and HTTP/1.1 over TLS behaving as it does without.
    @Suite struct TLSTests {
        private typealias Engine = ScriptedEngine

        private func withTLS<Result: Sendable>(
            _ script: @escaping Engine.Script = Engine.wellBehaved,
            settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
            _ body: @escaping @Sendable (RunningGateway, Engine) async throws -> Result
        ) async throws -> Result {
            let certificate = Settings.ServerTLS(try StandInCertificate(.ofAuthority))
            return try await withEngine(
                script,
                settings: {
                    $0.server.tls = certificate
                    change(&$0)
                }, body)
        }

        @Test func callsAndStreamsOnOneConnection() async throws {
            try await withTLS { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat()))
                let document = try await wire.response()
                #expect(document.status == 200 && document.text == Engine.completion())
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                let stream = try await wire.response()
                #expect(stream.text == Engine.events().joined() && stream.endedCleanly)
                try await wire.send(gateway.request("", "GET", "/v1/models"))
                #expect(try await wire.response().text.contains("\"m\""))
                #expect(engine.counts.value.requests.count == 2)
            }
        }

        @Test(arguments: [(["h2", "http/1.1"], true), (["http/1.1"], false), ([], false)] as [([String], Bool)])
        func theClientsChoice(offered: [String], isHTTP2: Bool) async throws {
            try await withTLS { gateway, _ in
                let wire = try await Wire.connect(to: gateway.port, tls: TLSClient.context(offered))
                try await wire.send(gateway.request("", "GET", "/health"))
                if isHTTP2 {
                    // A server's first frame is SETTINGS (RFC 9113 §3.4, §6.5).
                    let state = try await wire.state.value { $0.received.count >= 9 || $0.hasEnded }
                    #expect(state.received.dropFirst(3).first == 4)
                } else {
                    #expect(try await wire.response().status == 200)
                }
                await wire.close()
            }
        }

        @Test(arguments: [TLSVersion.tlsv11, .tlsv12])
        func oldVersions(version: TLSVersion) async throws {
            try await withTLS { gateway, _ in
                let tls = try TLSClient.context(["http/1.1"], maximum: version)
                let wire = try await Wire.connect(to: gateway.port, tls: tls)
                try? await wire.send(gateway.request("", "GET", "/health"))
                let state = try await wire.state.value { $0.hasEnded || $0.text.contains("ok") }
                #expect(state.text.contains("200 OK") == (version == .tlsv12))
                await wire.close()
            }
        }

        @Test(arguments: DepartureTests.Disconnect.allCases)
        func aClientThatLeaves(disconnect: DepartureTests.Disconnect) async throws {
            try await withTLS { request, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                try await Engine.silent(request, wire)
            } _: { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                try await wire.read(until: "t0")
                try await disconnect.leave(wire)
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        /// Neither silence nor plain HTTP is a handshake.
        @Test(arguments: ["", "GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n"])
        func failedHandshakesAreClosed(says: String) async throws {
            try await withTLS(settings: { $0.server.idleTimeout = .milliseconds(300) }) { gateway, _ in
                let wire = try await Wire.connect(to: gateway.port)
                if !says.isEmpty { try await wire.send(says) }
                try await wire.isLeft()
                #expect(!wire.state.value.text.contains("HTTP/1.1 2"))
                await wire.close()
            }
        }

        @Test func aShutdownWaitsForCallsButNotForHandshakes() async throws {
            let mayGoOn = Watched(false)
            let events = Engine.events()
            try await withTLS { _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(events[0]))
                _ = try await mayGoOn.value { $0 }
                try await wire.send(Engine.chunk(events.dropFirst().joined()) + Engine.lastChunk)
            } _: { gateway, _ in
                let stream = try await gateway.connect()
                try await stream.send(gateway.request(RunningGateway.chat(stream: true)))
                try await stream.read(until: "t0")
                let silent = try await Wire.connect(to: gateway.port)
                // Served afterwards: so the connection has been accepted.
                #expect(try await gateway.get("/health").status == 200)
                await gateway.shutDown()
                try await silent.isLeft()
                mayGoOn.update { $0 = true }
                let response = try await stream.response()
                #expect(response.text == events.joined() && response.endedCleanly)
                try await stream.isLeft()
                for wire in [stream, silent] { await wire.close() }
            }
        }
    }
}
