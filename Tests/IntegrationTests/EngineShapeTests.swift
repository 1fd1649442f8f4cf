import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Engines whose responses differ in shape from OpenAI's, over real sockets.
    @Suite struct EngineShapeTests {
        private typealias Engine = ScriptedEngine

        /// An engine that supports only some paths.
        private static func engine(without path: String, status: String, _ body: String) -> Engine.Script {
            { request, wire in
                guard request.path == path else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(Engine.document(body, status: status))
            }
        }

        private static let embedding = "{\"model\":\"m\",\"input\":\"x\"}"

        // MARK: Ends of streams

        /// The caller's stream ends although the engine's body stays open, and the slot is free.
        @Test(arguments: [true, false])
        func anOpenBodyDoesNotHoldTheCaller(sendsDone: Bool) async throws {
            let events = sendsDone ? Engine.events() : Array(Engine.events().dropLast())
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead + events.map(Engine.chunk).joined())
                try await wire.isLeft()
                throw Engine.ClientLeft()
            } _: { gateway, engine in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.text == Engine.events().joined() && response.endedCleanly)
                try await gateway.settled()
                _ = try await engine.counts.value { $0.departures == 1 }
            }
        }

        /// After the final event an engine's connection is reused if the response ends.
        @Test func keepsTheConnectionAfterTheFinalEvent() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.eventLoops = 1 }) { gateway, engine in
                for _ in 0..<6 {
                    let response = try await gateway.send(RunningGateway.chat(stream: true))
                    #expect(response.endedCleanly)
                    try await gateway.settled()
                }
                #expect(engine.counts.value.connections < 6)
            }
        }

        // MARK: Errors in streams

        @Test(arguments: [
            "data: {\"error\":{\"message\":\"out of memory\"}}\n\n",
            "error: {\"code\":500,\"message\":\"out of memory\"}\n\n",
            "event: error\ndata: {\"detail\":\"out of memory\"}\n\n",
            "data: {\"object\":\"error\",\"message\":\"out of memory\"}\n\n",
        ])
        func anErrorInAStreamIsReportedOnceInTheEnginesWords(event: String) async throws {
            try await withEngine { _, wire in
                let events = [Engine.events()[0], event, "data: [DONE]\n\n"]
                try await wire.send(Engine.streamHead + events.map(Engine.chunk).joined() + Engine.lastChunk)
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.events.count == 2, "\(response.text)")
                #expect(response.events.last?.hasPrefix("data: {\"error\":{\"message\":\"out of memory\"") == true)
                #expect(!response.text.contains("[DONE]"))
                try await gateway.settled()
            }
        }

        // MARK: Options that an engine does not know

        @Test func anEngineThatRefusesOurOptionIsAskedWithoutIt() async throws {
            try await withEngine { request, wire in
                guard !request.body.contains("stream_options") else {
                    let error = "{\"error\":{\"message\":\"Unknown parameter: 'stream_options'.\"}}"
                    return try await wire.send(Engine.document(error, status: "400 Bad Request"))
                }
                try await Engine.wellBehaved(request, wire)
            } _: { gateway, engine in
                for _ in 0..<3 {
                    let response = try await gateway.send(RunningGateway.chat(stream: true))
                    #expect(response.text == Engine.events().joined())
                }
                let asked = engine.counts.value.requests.map { $0.body.contains("stream_options") }
                #expect(asked == [true, false, false, false], "it is learned")
                // If the caller itself sets the option, the caller gets the engine's error.
                let own = RunningGateway.chat(stream: true, more: "\"stream_options\":{\"include_usage\":true},")
                #expect(try await gateway.send(own).status == 400)
                try await gateway.settled()
            }
        }

        // MARK: Paths

        @Test(
            arguments: [
                ("404 Not Found", "{\"detail\":\"Not Found\"}"), ("404 Not Found", "404 page not found"),
                ("405 Method Not Allowed", "{\"detail\":\"Method Not Allowed\"}"),
                ("501 Not Implemented", "{\"error\":{\"code\":501,\"message\":\"no embeddings here\"}}"),
                ("200 OK", "{\"error\":\"Unexpected endpoint or method. (POST /v1/embeddings)\"}"),
            ])
        func aMissingPathIsLookedForElsewhereAndRemembered(_ status: String, _ body: String) async throws {
            let lacks = Self.engine(without: "/v1/embeddings", status: status, body)
            let has: Engine.Script = { _, wire in
                try await wire.send(Engine.document("{\"object\":\"list\",\"model\":\"m\",\"data\":[{}]}"))
            }
            try await withEngines([lacks, has]) { gateway, engines in
                for _ in 0..<6 {
                    let response = try await gateway.send(Self.embedding, "POST", "/v1/embeddings")
                    #expect(response.status == 200 && response["x-simpleai-runner"] == "r2")
                }
                #expect(engines[0].counts.value.requests.count <= 1)
                try await gateway.settled()
            }
            try await withEngine(lacks) { gateway, engine in
                for _ in 0..<3 {
                    let response = try await gateway.send(Self.embedding, "POST", "/v1/embeddings")
                    #expect(response.status == 501 && response["retry-after"] == nil)
                    let error = try response.error()
                    #expect(error.message.contains("embeddings"), "\(error)")
                    #expect(error.code == "endpoint_not_supported")
                    #expect(response["x-should-retry"] == "false", "SDKs repeat other 5xx responses")
                }
                #expect(engine.counts.value.requests.count == 1)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.settled()
            }
        }

        /// A path that an engine has served before stays available when one request to it gets a 404.
        @Test func oneCallers404ClosesNoEndpoint() async throws {
            try await withEngine { request, wire in
                guard request.body.contains("odd") else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(Engine.document("{\"detail\":\"Not Found\"}", status: "404 Not Found"))
            } _: { gateway, _ in
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(try await gateway.send(RunningGateway.chat(more: "\"user\":\"odd\",")).status == 501)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.settled()
            }
        }

        // MARK: Sizes

        @Test func largeEventsAndDocumentsPass() async throws {
            let text = String(repeating: "x", count: 12 << 20)
            try await withEngine { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    return try await wire.send(Engine.document(Engine.completion(text)))
                }
                let event =
                    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(text)\"}}]}\n\n"
                try await wire.send(Engine.streamHead + Engine.chunk(event + "data: [DONE]\n\n") + Engine.lastChunk)
            } _: { gateway, _ in
                for stream in [false, true] {
                    let response = try await gateway.send(RunningGateway.chat(stream: stream))
                    #expect(response.status == 200 && response.endedCleanly && response.body.count > 12 << 20)
                    #expect(!response.text.contains("\"error\""))
                }
                try await gateway.settled()
            }
        }

        @Test func aDocumentThatIsLongerThanSettingsSayIsRefused() async throws {
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.document(Engine.completion(String(repeating: "x", count: 20_000))))
                }, settings: { $0.server.maxResponse = .kibibytes(16) }
            ) { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 502)
                try await gateway.settled()
            }
        }

        /// Text about the gateway's own credentials is withheld from callers.
        @Test func wordsAboutOurCredentialsAreNotForCallers() async throws {
            try await withEngine { _, wire in
                let error = "{\"error\":{\"message\":\"Incorrect API key provided: sk-secret\"}}"
                try await wire.send(Engine.document(error, status: "401 Unauthorized"))
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 502 && !response.text.contains("sk-secret"))
                #expect(try response.error().code == "upstream_error")
                try await gateway.settled()
            }
        }
    }
}
