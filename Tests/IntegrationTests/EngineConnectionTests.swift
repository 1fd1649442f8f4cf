import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet
@testable import StandIn

extension Integration {
    /// The connection to an engine: fields that belong to the connection and not to the response, and the identity of
    /// the engine.
    @Suite struct EngineConnectionTests {
        private typealias Engine = ScriptedEngine

        @Test func interimResponsesAreSkipped() async throws {
            let interim =
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\n"
                + "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            try await withEngine { request, wire in
                try await wire.send(interim)
                try await Engine.wellBehaved(request, wire)
            } _: { gateway, engine in
                for stream in [false, true, false] {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: stream)))
                    let all = try await wire.peek { $0.text.hasSuffix(stream ? "[DONE]\n\n" : "}") }
                    #expect(all.status == 200 && all["link"] == nil && all["x-interim"] == nil)
                    #expect(try await wire.response().endedCleanly)
                    await wire.close()
                }
                #expect(engine.counts.value.connections < 3, "the connection is kept")
                try await gateway.settled()
            }
        }

        /// The gateway never asks an engine to switch protocols.
        @Test func anEngineThatSwitchesProtocolsIsNoEngine() async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello")
            } _: { gateway, engine in
                for number in 1...3 {
                    let response = try await gateway.send(RunningGateway.chat(stream: number == 2))
                    #expect(response.status == 502, "\(response.text)")
                    #expect(try response.error().code == "upstream_error")
                }
                #expect(engine.counts.value.connections == 3, "such a connection is not used again")
                try await gateway.settled()
            }
        }

        @Test func trailersStayHere() async throws {
            try await withEngine { request, wire in
                let stream = request.body.contains("\"stream\":true")
                let head =
                    stream
                    ? Engine.streamHead : Engine.streamHead.replacing("text/event-stream", with: "application/json")
                let body = stream ? Engine.events().joined() : Engine.completion()
                try await wire.send(head + Engine.chunk(body) + "0\r\nX-Checksum: 7\r\nSet-Cookie: a=b\r\n\r\n")
            } _: { gateway, engine in
                for stream in [false, true, false, true] {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: stream)))
                    let raw = try await wire.read(until: stream ? "[DONE]\n\n\r\n0\r\n\r\n" : Engine.completion())
                    #expect(!raw.contains("X-Checksum") && !raw.contains("Set-Cookie"))
                    let response = try await wire.response()
                    #expect(response.endedCleanly)
                    #expect(response.text == (stream ? Engine.events().joined() : Engine.completion()))
                    await wire.close()
                }
                #expect(engine.counts.value.connections < 4, "the connection is kept")
                try await gateway.settled()
            }
        }

        // MARK: TLS

        private enum Trust: String, CaseIterable {
            /// The certificate is verified against the authority in `tls.ca_file`.
            case authority
            /// `tls.verify: false`: any certificate is accepted.
            case anybody
        }

        private static func withSecureEngine(
            _ kind: StandInCertificate.Kind, _ trust: Trust, _ script: @escaping Engine.Script = Engine.wellBehaved,
            _ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Void
        ) async throws {
            let certificate = try StandInCertificate(kind)
            let engine = try await ScriptedEngine(tls: certificate.context, script)
            try await running([engine]) {
                try await withTemporaryDirectory { directory in
                    let authority = directory + "/ca.pem"
                    try certificate.authority.write(toFile: authority, atomically: true, encoding: .utf8)
                    let runner = Settings.StaticRunner.at(engine.port, models: ["m"]) {
                        $0.url = "https://127.0.0.1:\(engine.port)/"
                        switch trust {
                        case .authority: $0.tls.caFile = authority
                        case .anybody: $0.tls.verify = false
                        }
                    }
                    try await RunningGateway.with([runner], awaitRunners: false) { try await body($0, engine) }
                }
            }
        }

        @Test(arguments: [
            (StandInCertificate.Kind.ofAuthority, Trust.authority), (.selfSigned, .anybody), (.otherHost, .anybody),
        ])
        private func aRunnerThatIsTrustedServesOverTLS(_ kind: StandInCertificate.Kind, _ trust: Trust) async throws {
            try await Self.withSecureEngine(kind, trust) { gateway, engine in
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 1 }
                for stream in [false, true, false] {
                    let response = try await gateway.send(RunningGateway.chat(stream: stream))
                    #expect(response.status == 200 && response.endedCleanly)
                    #expect(response.text == (stream ? Engine.events().joined() : Engine.completion()))
                }
                #expect(engine.counts.value.requests.count == 3)
                #expect(engine.counts.value.connections < 3, "the connection is kept")
                try await gateway.settled()
            }
        }

        /// TLS closes with an alert of its own, which a busy engine does not read.
        @Test func aClientThatIsGoneStopsAnEngineBehindTLS() async throws {
            try await Self.withSecureEngine(
                .ofAuthority, .authority,
                { request, wire in
                    try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                    try await Engine.silent(request, wire)
                }
            ) { gateway, engine in
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 1 }
                var slowest = Duration.zero
                for number in 1...10 {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                    try await wire.read(until: "t0")
                    let start = ContinuousClock.now
                    await wire.close()
                    _ = try await engine.counts.value { $0.departures == number }
                    slowest = max(slowest, ContinuousClock.now - start)
                }
                #expect(slowest < .seconds(1))
                try await gateway.settled()
            }
        }

        /// The prompt must not reach another server at the engine's address.
        @Test(arguments: [StandInCertificate.Kind.selfSigned, .expired, .otherHost])
        func aRunnerThatIsNotTrustedGetsNothing(_ kind: StandInCertificate.Kind) async throws {
            try await Self.withSecureEngine(kind, .authority) { gateway, engine in
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"unknown\"}"] == 0 }
                for _ in 1...3 {
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect([502, 503].contains(response.status), "\(response.status) \(response.text)")
                    #expect(!response.text.lowercased().contains("certificate"), "that is for the operator's log")
                }
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }
    }
}
