import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Engines that begin their response before they have read the whole upload.
    @Suite struct EarlyResponseTests {
        private typealias Engine = ScriptedEngine

        /// More than the sockets between client and engine hold.
        private static let upload =
            "--cut\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
            + "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
            + String(repeating: "0123456789abcdef", count: 1 << 20) + "\r\n--cut--\r\n"

        private static func responseHead(_ type: String) -> String {
            "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n" + Engine.chunk("hello")
        }

        /// Runs a gateway in front of an engine, or of an agent with this engine. The engine begins its response, and reads
        /// the upload once the client has received that.
        private func withEarlyEngine(
            behindAgent: Bool, _ end: @escaping @Sendable (Wire) async throws -> Void,
            _ body: @escaping @Sendable (RunningGateway, Wire) async throws -> Void
        ) async throws {
            let isReceived = Watched(false)
            let engine = try await ScriptedEngine(readsBodies: false) { _, wire in
                try await wire.pauseReading()
                try await wire.send(Self.responseHead("text/plain"))
                _ = try await isReceived.value { $0 }
                try await wire.resumeReading()
                try await end(wire)
            }
            let runners = behindAgent ? [] : [Settings.StaticRunner.at(engine.port, models: ["m"])]
            try await running([engine]) {
                try await RunningGateway.with(runners, awaitRunners: !behindAgent) {
                    $0.fleet.token = JoinedAgent.token
                } _: { gateway in
                    @Sendable func call() async throws {
                        let wire = try await gateway.connect()
                        try await wire.send(
                            gateway.request(
                                Self.upload, "POST", "/v1/audio/transcriptions",
                                fields: ["Content-Type: multipart/form-data; boundary=cut"]))
                        _ = try await wire.peek { $0.text == "hello" }
                        #expect(try await gateway.metrics { _ in true }["simpleai_spooled_bytes"] ?? 0 > 0)
                        isReceived.update { $0 = true }
                        try await body(gateway, wire)
                        await wire.close()
                        _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] == 0 }
                        try await gateway.settled()
                    }
                    guard behindAgent else { return try await call() }
                    try await JoinedAgent.with(of: gateway, engine: engine) { _ in try await call() }
                }
            }
        }

        @Test(arguments: [false, true]) func theUploadContinues(behindAgent: Bool) async throws {
            let isStored = Watched(true)
            try await withEarlyEngine(behindAgent: behindAgent) { wire in
                let length = Self.upload.utf8.count
                let state = try await wire.state.value { $0.received.count >= length || $0.hasEnded }
                #expect(state.text == Self.upload)
                wire.state.update { $0.received.removeFirst($0.received.count) }
                _ = try await isStored.value { !$0 }
                try await wire.send(Engine.chunk(" world") + Engine.lastChunk)
            } _: { gateway, wire in
                // The file is closed once it is sent, though the response may last for minutes.
                _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] == 0 }
                isStored.update { $0 = false }
                let response = try await wire.response()
                #expect(response.text == "hello world" && response.endedCleanly)
            }
        }

        @Test(arguments: [false, true]) func anEngineThatDiesEndsTheUpload(behindAgent: Bool) async throws {
            try await withEarlyEngine(behindAgent: behindAgent) { wire in
                throw Engine.ClientLeft()
            } _: { _, wire in
                let response = try await wire.response()
                #expect(response.text == "hello" && !response.endedCleanly)
            }
        }

        @Test(arguments: [false, true]) func aResponseThatEndsEndsTheUpload(behindAgent: Bool) async throws {
            try await withEarlyEngine(behindAgent: behindAgent) { wire in
                try await wire.pauseReading()
                try await wire.send(Engine.lastChunk)
                try await wire.isLeft()
            } _: { _, wire in
                let response = try await wire.response()
                #expect(response.text == "hello" && response.endedCleanly)
            }
        }

        @Test(arguments: [false, true]) func aClientThatDisconnectsEndsTheUpload(behindAgent: Bool) async throws {
            try await withEarlyEngine(behindAgent: behindAgent) { wire in
                try await wire.isLeft()
            } _: { _, wire in
                await wire.close()
            }
        }
    }
}
