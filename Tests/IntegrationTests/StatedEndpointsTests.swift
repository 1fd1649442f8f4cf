import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Endpoints that settings state for an engine, and names that an engine's model list implies.
    @Suite struct StatedEndpointsTests {
        private typealias Engine = ScriptedEngine

        private static let embedding = "{\"model\":\"m\",\"input\":\"x\"}"
        private static let engine: Engine.Script = { request, wire in
            guard request.path == "/v1/embeddings" else { return try await Engine.wellBehaved(request, wire) }
            try await wire.send(Engine.document("{\"object\":\"list\",\"model\":\"m\",\"data\":[{}]}"))
        }

        private static func paths(_ engine: Engine) -> [String] { engine.counts.value.requests.map(\.path) }

        @Test func callsGoWhereTheirEndpointIsStated() async throws {
            let engines = [try await Engine(Self.engine), try await Engine(Self.engine)]
            try await running(engines) {
                let runners = [
                    Settings.StaticRunner.at(engines[0].port, id: "r1") { $0.endpoints = [.chatCompletions] },
                    Settings.StaticRunner.at(engines[1].port, id: "r2") { $0.endpoints = [.embeddings] },
                ]
                try await RunningGateway.with(runners) { gateway in
                    for _ in 0..<3 {
                        #expect(try await gateway.send(Self.embedding, "POST", "/v1/embeddings").status == 200)
                        #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                    }
                    #expect(Self.paths(engines[0]) == Array(repeating: "/v1/chat/completions", count: 3))
                    #expect(Self.paths(engines[1]) == Array(repeating: "/v1/embeddings", count: 3))
                    let unsupported = try await gateway.send(Self.embedding, "POST", "/v1/responses")
                    #expect(unsupported.status == 501 && unsupported["retry-after"] == nil)
                    #expect(try unsupported.error().code == "endpoint_not_supported")
                    try await gateway.settled()
                }
            }
        }

        /// One 404 does not override an endpoint that the settings state.
        @Test func aStatedEndpointIsNotForgotten() async throws {
            let isMissing = Watched(true)
            try await withEngine {
                request, wire in
                guard isMissing.value else { return try await Self.engine(request, wire) }
                try await wire.send(Engine.document("404 page not found", status: "404 Not Found"))
            } runner: {
                $0.endpoints = [.embeddings]
            } _: { (gateway, _) async throws in
                #expect(try await gateway.send(Self.embedding, "POST", "/v1/embeddings").status == 501)
                isMissing.update { $0 = false }
                #expect(try await gateway.send(Self.embedding, "POST", "/v1/embeddings").status == 200)
            }
        }

        @Test func otherEndpointsAreTakenOverWhileTheGatewayRuns() async throws {
            try await withEngine(Self.engine) { gateway, engine in
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try gateway.reload { $0.runners[0].endpoints = [.embeddings] }
                #expect(try await gateway.send(RunningGateway.chat()).status == 501)
                #expect(try await gateway.send(Self.embedding, "POST", "/v1/embeddings").status == 200)
                try gateway.reload { $0.runners[0].endpoints = [] }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.settled()
            }
        }

        // MARK: Paths of one API

        private static let rerank = #"{"model":"m","query":"q","documents":["d"]}"#

        private static func engine(serving path: String) -> Engine.Script {
            DialectEngine.serving([path]) { _, wire in
                try await wire.send(Engine.document(#"{"results":[{"index":0,"relevance_score":1}]}"#))
            }
        }

        @Test(arguments: [[], [Endpoint.rerank, .rerankV2, .rerankUnversioned]])
        func aCallUsesThePathThatTheEngineHas(stated: [Endpoint]) async throws {
            for (path, other) in [("/v2/rerank", "/v1/rerank"), ("/rerank", "/v2/rerank")] {
                try await withEngine(Self.engine(serving: other)) {
                    $0.endpoints = stated
                } _: { (gateway, engine) async throws in
                    for _ in 0..<3 {
                        let response = try await gateway.send(Self.rerank, "POST", path)
                        #expect(response.status == 200 && response.text.contains("relevance_score"))
                    }
                    #expect(engine.paths.first == path && engine.paths.suffix(3) == [other, other, other])
                    #expect(engine.paths.count <= 5, "a missing path is remembered: \(engine.paths)")
                    try await gateway.settled()
                }
            }
        }

        @Test func anEngineWithoutTheAPIIsTriedAtEachPathOnce() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, engine) async throws in
                for path in ["/v2/rerank", "/v1/rerank", "/rerank", "/v2/rerank"] {
                    let response = try await gateway.send(Self.rerank, "POST", path)
                    #expect(try response.status == 501 && response.error().code == "endpoint_not_supported")
                }
                #expect(Set(engine.paths) == ["/v1/rerank", "/v2/rerank", "/rerank"] && engine.paths.count == 3)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.settled()
            }
        }

        @Test func statedPathsAreTriedAgain() async throws {
            let isMissing = Watched(true)
            try await withEngine({ request, wire in
                let script = isMissing.value ? DialectEngine.chatOnly : Self.engine(serving: "/v2/rerank")
                try await script(request, wire)
            }) {
                $0.endpoints = [.rerank, .rerankV2, .rerankUnversioned]
            } _: { (gateway, _) async throws in
                #expect(try await gateway.send(Self.rerank, "POST", "/v1/rerank").status == 501)
                isMissing.update { $0 = false }
                #expect(try await gateway.send(Self.rerank, "POST", "/v1/rerank").status == 200)
            }
        }

        /// llama.cpp's server without reranking, which lacks `/v2/rerank` in any case.
        @Test func anEngineThatStatesThatItLacksTheAPIIsNotAskedAgain() async throws {
            let words = "This server does not support reranking. Start it with `--reranking`"
            try await withEngine({ request, wire in
                guard request.path != "/v2/rerank" else { return try await wire.send(DialectEngine.notFound) }
                try await wire.send(
                    Engine.document(
                        #"{"error":{"code":501,"message":"\#(words)","type":"not_supported_error"}}"#,
                        status: "501 Not Implemented"))
            }) { (gateway, engine) async throws in
                for path in ["/v2/rerank", "/v2/rerank", "/rerank", "/v1/rerank"] {
                    let error = try await gateway.send(Self.rerank, "POST", path).error()
                    #expect(error.code == "endpoint_not_supported" && error.message.contains(words))
                }
                #expect(engine.paths == ["/v2/rerank", "/v1/rerank"])
                try await gateway.settled()
            }
        }

        // MARK: Implied tags

        private func withOllama(_ body: @escaping @Sendable (RunningGateway, Engine) async throws -> Void) async throws
        {
            let engine = try await Engine(models: ["llama3.2:latest", "other:1b"]) { _, wire in
                try await wire.send(Engine.document(Engine.completion(model: "llama3.2:latest")))
            }
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)]) {
                    $0.classes = [Settings.ModelClass(name: "fast", models: ["llama3.2"])]
                } _: { gateway in
                    try await body(gateway, engine)
                }
            }
        }

        @Test(arguments: ["llama3.2", "llama3.2:latest", "class:fast"])
        func aNameWithoutATagMeansTheLatest(asked: String) async throws {
            try await withOllama { gateway, engine in
                let response = try await gateway.send(RunningGateway.chat(asked))
                let served = asked == "class:fast" ? "llama3.2" : asked
                #expect(response.status == 200 && response["x-simpleai-model"] == served)
                let model = try response.json()["model"] as? String
                #expect(model == served)
                #expect(
                    try engine.request(0).body == RunningGateway.chat("llama3.2:latest"),
                    "the engine is asked by its own name, and nothing else changes")
                #expect(try await gateway.get("/v1/models/\(asked)").status == 200)
                try await gateway.settled()
            }
        }

        @Test func otherNamesAndRightsAreAsBefore() async throws {
            try await withOllama { (gateway, engine) async throws in
                for name in ["other", "other:latest", "llama3", "LLAMA3.2", "llama3.2:Latest"] {
                    #expect(try await gateway.send(RunningGateway.chat(name)).status == 404, "\(name)")
                }
                for name in ["llama3.2", "llama3.2:latest"] {
                    #expect(try await gateway.send(RunningGateway.chat(name), roles: []).status == 403)
                }
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), roles: []).status == 200)
                #expect(engine.counts.value.requests.count == 1)
            }
        }

        // MARK: Retry-After

        @Test(
            arguments: [
                ("Retry-After: Sun, 06 Nov 2095 08:49:37 GMT\r\n", "60"), ("Retry-After: -3\r\n", "1"),
                (
                    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:54 GMT\r\n", "17"
                ),
                ("Retry-After: 86400\r\n", "60"), ("Retry-After: later\r\n", "5"), ("", "5"),
            ])
        func anEnginesRetryAfterIsClamped(fields: String, expected: String) async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    Engine.document("{\"error\":\"busy\"}", status: "429 Too Many Requests", fields: fields))
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 429 && response.all("retry-after") == [expected])
            }
        }

        /// A response passed on with its status carries only fields that are meant for callers.
        @Test(arguments: [("Retry-After: 86400\r\n", ["60"]), ("Retry-After: later\r\n", []), ("", [])])
        func aPassingErrorsRetryAfterIsClampedToo(fields: String, expected: [String]) async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    Engine.document("{\"error\":\"broken\"}", status: "500 Internal Server Error", fields: fields))
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 500 && response.all("retry-after") == expected)
            }
        }
    }
}
