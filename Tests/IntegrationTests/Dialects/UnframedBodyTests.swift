import Settings
import StandIn
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// HTTP/1.0 clients receive a body of unknown length up to the end of the connection, and recognize a truncated one by a
    /// reset.
    @Suite struct UnframedBodyTests {
        private typealias Engine = ScriptedEngine

        private static let speech = #"{"model":"m","input":"hello"}"#
        private static let audioHead =
            "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"

        private static func certificate(_ isSecure: Bool) throws -> Settings.ServerTLS? {
            isSecure ? Settings.ServerTLS(try StandInCertificate(.ofAuthority)) : nil
        }

        @Test(arguments: [false, true]) func aTruncatedBodyEndsWithAReset(isSecure: Bool) async throws {
            let tls = try Self.certificate(isSecure)
            let isReceived = Watched(false)
            try await withEngine(
                { _, wire in
                    try await wire.send(Self.audioHead + Engine.chunk("first"))
                    _ = try await isReceived.value { $0 }
                    throw Engine.ClientLeft()
                }, settings: { $0.server.tls = tls }
            ) { (gateway, _) async throws in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(Self.speech, "POST", "/v1/audio/speech", version: "1.0"))
                try await wire.read(until: "first")
                isReceived.update { $0 = true }
                let state = try await wire.state.value { $0.isClosed }
                #expect(state.failure != nil)
                #expect(!state.text.contains("Transfer-Encoding") && !state.text.contains("Content-Length"))
                try await gateway.settled()
            }
        }

        /// The end of the drain time, like the engine's disconnect, must not look like the end of the body.
        @Test func theEndOfTheDrainTimeEndsWithAReset() async throws {
            try await withEngine(
                { request, wire in
                    try await wire.send(Self.audioHead + Engine.chunk("first"))
                    try await Engine.silent(request, wire)
                }, settings: { $0.server.drain = .milliseconds(100) }
            ) { (gateway, _) async throws in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(Self.speech, "POST", "/v1/audio/speech", version: "1.0"))
                try await wire.read(until: "first")
                await gateway.shutDown()
                let state = try await wire.state.value { $0.isClosed }
                #expect(state.failure != nil)
            }
        }

        /// A client that reads slowly receives everything, and a regular end.
        @Test(arguments: [false, true]) func aCompleteBodyEndsRegularly(isSecure: Bool) async throws {
            let tls = try Self.certificate(isSecure)
            let pieces = 64
            let piece = String(repeating: "x", count: 64 << 10)
            try await withEngine(
                { _, wire in
                    try await wire.send(Self.audioHead)
                    for _ in 0..<pieces { try await wire.send(Engine.chunk(piece)) }
                    try await wire.send(Engine.lastChunk)
                }, settings: { $0.server.tls = tls }
            ) { (gateway, _) async throws in
                let wire = try await gateway.connect(window: 16 << 10, segment: 1_400)
                // With TLS, the request is sent once the handshake is complete.
                try await wire.send(gateway.request(Self.speech, "POST", "/v1/audio/speech", version: "1.0"))
                try await wire.pauseReading()
                for _ in 1...20 { #expect(try await gateway.get("/health").status == 200) }
                try await wire.resumeReading()
                let state = try await wire.state.value { $0.hasEnded }
                #expect(state.failure == nil)
                let body = state.text.split(separator: "\r\n\r\n", maxSplits: 1).last ?? ""
                #expect(body.utf8.count == pieces * piece.utf8.count)
                await wire.close()
                try await gateway.settled()
            }
        }
    }
}
