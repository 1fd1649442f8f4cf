import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Responses to callers when no failure occurs.
    @Suite struct AnswerTests {
        private typealias Engine = ScriptedEngine

        @Test func aDocumentPassesByteForByte() async throws {
            let document = "  {\"model\" : \"m\" , \"choices\":[ ],\"odd\":\"\\u00e4 ä 1e5\" }\r\n"
            try await withEngine { _, wire in
                try await wire.send(Engine.document(document, fields: "openai-processing-ms: 7\r\nSet-Cookie: a=b\r\n"))
            } _: { gateway, engine in
                let body =
                    "{ \"messages\":[{\"role\":\"user\",\"content\":\"\\ud83d\\ude00 😀\"}],\n\"model\":\"m\", \"x\":1.50}"
                let response = try await gateway.send(body)
                #expect(response.status == 200)
                #expect(response.text == document)
                #expect(response["openai-processing-ms"] == "7")
                #expect(response["set-cookie"] == nil)
                let request = try #require(engine.counts.value.requests.first)
                #expect(request.body == body)
                #expect(request.path == "/v1/chat/completions")
                #expect(request["accept-encoding"] == "identity")
                #expect(request["authorization"] == nil)
                try await gateway.settled()
            }
        }

        @Test func aStreamPassesEventByEvent() async throws {
            let events = [": hello\n\n"] + Engine.events(tokens: 4)
            let released = Watched(0)
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead)
                for (index, event) in events.enumerated() {
                    _ = try await released.value { $0 >= index }
                    try await wire.send(Engine.chunk(event))
                }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                for index in events.indices {
                    // Each event arrives before the engine sends the next one.
                    let soFar = try await wire.peek { $0.events.count > index }
                    #expect(soFar.events == Array(events[...index]))
                    released.update { $0 = index + 1 }
                }
                let response = try await wire.response()
                #expect(response.status == 200 && response.endedCleanly)
                #expect(response.text == events.joined())
                #expect(response["content-type"] == "text/event-stream")
                #expect(response["cache-control"] == "no-cache")
                #expect(response["x-accel-buffering"] == "no")
                #expect(response.all("content-length").isEmpty)
                try await gateway.settled()
            }
        }

        @Test func anEventInPiecesArrivesWhole() async throws {
            let events = Engine.events()
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead)
                for byte in events.joined().unicodeScalars { try await wire.send(Engine.chunk(String(byte))) }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.text == events.joined())
                #expect(response.chunks == events.count, "an event is one chunk, whatever it came in")
            }
        }

        @Test func theResponseNamesTheRunner() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                for stream in [false, true] {
                    let response = try await gateway.send(
                        RunningGateway.chat("class:fast", stream: stream), fields: ["X-Request-Id: my-id"], roles: [])
                    #expect(response.status == 200)
                    #expect(response.all("x-request-id") == ["my-id"])
                    #expect(response["x-simpleai-runner"] == "r1")
                    #expect(response["x-simpleai-model"] == "m")
                    #expect(response["x-simpleai-wake"] == "none")
                    let timing = try #require(response["server-timing"])
                    #expect(
                        timing.wholeMatch(of: /auth;dur=[\d.]+, queue;dur=[\d.]+, wake;dur=[\d.]+, upstream;dur=[\d.]+/)
                            != nil)
                }
                let without = try await gateway.send(RunningGateway.chat(), fields: ["X-Request-Id: not sane"])
                #expect(without["x-request-id"]?.isEmpty == false && without["x-request-id"] != "not sane")
            }
        }

        @Test(
            arguments: [
                (Settings.Expose.Audience.none, ["admin"], false), (.admin, ["admin"], true), (.admin, [], false),
                (.all, [], true),
            ] as [(Settings.Expose.Audience, [Role], Bool)])
        func settingsDecideWhichCallersSeeTheRunner(audience: Settings.Expose.Audience, roles: [Role], isTold: Bool)
            async throws
        {
            try await withEngine(Engine.wellBehaved, settings: { $0.expose.runner = audience }) { gateway, _ in
                for stream in [false, true] {
                    let response = try await gateway.send(
                        RunningGateway.chat("class:fast", stream: stream), roles: roles)
                    #expect(response.status == 200)
                    #expect((response["x-simpleai-runner"] != nil) == isTold)
                    #expect((response["x-simpleai-model"] != nil) == isTold)
                }
            }
        }

        // MARK: Aliases and usage

        @Test func theEngineReceivesItsOwnNameAndTheCallerThePublicOne() async throws {
            let engine = try await ScriptedEngine(models: ["local:q4"]) { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    return try await wire.send(Engine.document(Engine.completion(model: "local:q4")))
                }
                try await wire.send(Engine.streamHead)
                for event in Engine.events(model: "local:q4") { try await wire.send(Engine.chunk(event)) }
                try await wire.send(Engine.lastChunk)
            }
            try await running([engine]) {
                let runner = Settings.StaticRunner.at(engine.port) { $0.aliases = ["m": "local:q4"] }
                try await RunningGateway.with([runner]) { gateway in
                    for model in ["m", "class:fast"] {
                        let document = try await gateway.send(RunningGateway.chat(model))
                        #expect(document.text == Engine.completion())
                        #expect(document["content-length"] == "\(Engine.completion().utf8.count)")
                        let stream = try await gateway.send(RunningGateway.chat(model, stream: true))
                        #expect(stream.text == Engine.events().joined())
                    }
                    let bodies = engine.counts.value.requests.map(\.body)
                    #expect(bodies.allSatisfy { $0.contains("\"model\":\"local:q4\"") })
                    #expect(bodies[0] == RunningGateway.chat("local:q4"))
                }
            }
        }

        @Test func usageIsAskedForAndTakenOutAgain() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, engine in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.text == Engine.events().joined())
                #expect(try engine.request(0).body.contains("\"stream_options\":{\"include_usage\":true}"))

                let asked = RunningGateway.chat(stream: true, more: "\"stream_options\":{\"include_usage\":true},")
                #expect(try await gateway.send(asked).text == Engine.events(usage: true).joined())
                #expect(try engine.request(1).body == asked)

                _ = try await gateway.send(RunningGateway.chat())
                #expect(try !engine.request(2).body.contains("include_usage"))
                let metrics = try await gateway.metrics { $0["simpleai_tokens_total{kind=\"completion\"}"] == 6 }
                #expect(metrics["simpleai_tokens_total{kind=\"prompt\"}"] == 6)
            }
        }

        @Test func usageIsNotAskedOfARunnerThatDoesNotKnowIt() async throws {
            try await withEngine(Engine.wellBehaved, runner: { $0.streamUsage = false }) { gateway, engine in
                let body = RunningGateway.chat(stream: true)
                let response = try await gateway.send(body)
                #expect(response.text == Engine.events().joined())
                #expect(try engine.request(0).body == body)
            }
        }

        // MARK: Headers sent to the engine

        @Test func theCallersSecretsStayHere() async throws {
            try await withEngine(Engine.wellBehaved, runner: { $0.apiKey = "engine-key" }) { gateway, engine in
                let response = try await gateway.send(
                    RunningGateway.chat(),
                    fields: [
                        "Cookie: session=1", "Proxy-Authorization: Basic x", "X-SimpleAI-Runner: r9",
                        "traceparent: 00-1-2-3",
                        "Connection: Authorization, X-Gone", "X-Gone: 1", "TE: trailers",
                    ])
                #expect(response.status == 200, "`Connection: Authorization` must not strip credentials")
                let request = try #require(engine.counts.value.requests.first)
                #expect(request.all("authorization") == ["Bearer engine-key"])
                #expect(request["traceparent"] == "00-1-2-3")
                for name in ["cookie", "proxy-authorization", "x-simpleai-runner", "x-gone", "te", "connection"] {
                    #expect(request[name] == nil, "\(name)")
                }
            }
        }

        // MARK: The other endpoints, against an engine that supports all of them

        @Test func everyEndpointIsServed() async throws {
            var options = EngineOptions(models: ["m"])
            options.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
            try await running(SimulatedEngine(options, logger: .silent)) { engine in
                try await RunningGateway.with([.at(try await engine.port())]) { gateway in
                    let calls = [
                        ("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"),
                        ("/v1/completions", "\"prompt\":\"hi\""), ("/v1/responses", "\"input\":\"hi\""),
                        ("/v1/embeddings", "\"input\":\"hi\""),
                    ]
                    for (path, input) in calls {
                        let response = try await gateway.send("{\"model\":\"m\",\(input)}", "POST", path)
                        #expect(response.status == 200, "\(path): \(response.text)")
                        #expect(response.text.contains("\"model\":\"m\""), "\(path)")
                        guard path != "/v1/embeddings" else { continue }
                        let stream = try await gateway.send("{\"model\":\"m\",\"stream\":true,\(input)}", "POST", path)
                        #expect(stream.status == 200 && stream.endedCleanly, "\(path)")
                        if path == "/v1/responses" {
                            #expect(stream.text.contains("event: response.completed"))
                            #expect(!stream.text.contains("[DONE]"))
                        } else {
                            #expect(stream.text.hasSuffix("data: [DONE]\n\n"), "\(path)")
                        }
                    }
                    try await gateway.settled()
                }
            }
        }
    }
}
