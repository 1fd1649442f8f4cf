import RunnerProtocol
import Settings
import SimpleAICore
import Synchronization
import Testing

@testable import RunnerAgent

/// How the agent learns which endpoints its engines serve, and what their models can do.
@Suite struct EndpointDiscoveryTests {
    private func status(
        _ kind: RunnerSettings.Engine.Kind, _ answers: [String: FakeEngine.Answer]
    ) async throws -> EngineStatus {
        try await FakeEngine.with(answers) { fake in
            var settings = RunnerSettings()
            settings.engines = [RunnerSettings.Engine(kind: kind, url: fake.url)]
            let roster = try EngineRoster(settings, logger: .silent)
            await roster.refreshStatus()
            return try #require(roster.statuses.first)
        }
    }

    private static func refusal(_ status: Int) -> FakeEngine.Answer {
        FakeEngine.Answer(status: status, body: #"{"error":{"message":"no","type":"not_supported_error"}}"#)
    }

    // MARK: llama.cpp

    private static let llama: [String: FakeEngine.Answer] = [
        "GET /health": .json(#"{"status":"ok"}"#), "GET /v1/models": .json(#"{"data":[{"id":"m"}]}"#),
    ]

    /// The server's arguments decide: `--embeddings` and `--rerank` answer 501 where they are missing.
    @Test(
        arguments: [
            (
                ["chat/completions": 400, "completions": 400, "messages": 400, "embeddings": 501, "rerank": 501],
                [.chatCompletions, .completions, .messages], [.chat]
            ),
            (["chat/completions": 501, "embeddings": 400, "rerank": 501], [.embeddings], [.embedding]),
            (
                ["chat/completions": 501, "embeddings": 400, "rerank": 400], [.embeddings, .rerank],
                [.embedding, .rerank]
            ),
            // Some versions answer a missing field with 500.
            (["chat/completions": 500, "embeddings": 501], [.chatCompletions], [.chat]),
            (["chat/completions": 503, "embeddings": 400], nil, nil), (["chat/completions": 401], nil, nil),
            ([:], nil, nil),
        ] as [([String: Int], [Endpoint]?, [ModelCapability]?)])
    func llamaServersRefusalsShowItsEndpoints(
        statuses: [String: Int], endpoints: [Endpoint]?, capabilities: [ModelCapability]?
    ) async throws {
        var answers = Self.llama
        for (name, status) in statuses { answers["POST /v1/\(name)"] = Self.refusal(status) }
        // It serves this path of Ollama's with OpenAI's responses.
        answers["POST /api/chat"] = Self.refusal(400)
        let status = try await status(.llamaServer, answers)
        #expect(status.isHealthy)
        #expect(status.endpoints == endpoints)
        #expect(status.availableModels.first?.capabilities == capabilities)
    }

    @Test func llamaServersVisionIsACapability() async throws {
        var answers = Self.llama
        answers["POST /v1/chat/completions"] = Self.refusal(400)
        answers["GET /props"] = .json(#"{"modalities":{"vision":true,"audio":false}}"#)
        #expect(try await status(.llamaServer, answers).availableModels.first?.capabilities == [.chat, .vision])
    }

    // MARK: Ollama

    private static func ollama(_ capabilities: String, name: String = "m") -> [String: FakeEngine.Answer] {
        [
            "GET /api/version": .json(#"{"version":"1"}"#), "GET /api/ps": .json(#"{"models":[]}"#),
            "GET /api/tags": .json(#"{"models":[{"name":"\#(name)","digest":"d"}]}"#),
            "POST /api/show": .json(#"{"model_info":{},"capabilities":\#(capabilities)}"#),
        ]
    }

    @Test func ollamasRefusalsOfAnotherMethodShowItsEndpoints() async throws {
        var answers = Self.ollama(#"["completion","tools","insert"]"#)
        for path in ["/api/generate", "/api/chat", "/api/embed", "/v1/chat/completions", "/v1/messages"] {
            answers["GET \(path)"] = Self.refusal(405)
        }
        let status = try await status(.ollama, answers)
        #expect(status.endpoints == [.chatCompletions, .messages, .ollamaChat, .ollamaGenerate, .ollamaEmbed])
        #expect(status.availableModels.first?.capabilities == [.chat, .tools])
    }

    /// Older versions answer 404 to another method, for every path.
    @Test func olderOllamasShowNoEndpoints() async throws {
        #expect(try await status(.ollama, Self.ollama("[]")).endpoints == nil)
    }

    @Test(
        arguments: [
            (#"["embedding"]"#, "m", [.embedding], nil),
            (#"["completion","vision","thinking"]"#, "m", [.chat, .vision, .thinking], nil),
            (#"["completion","audio"]"#, "m", [.chat, .transcription], nil), (#"["image"]"#, "m", [.image], nil),
            // Unknown words are ignored; the name is the last hint.
            (#"["telepathy"]"#, "m", nil, nil), ("null", "nomic-embed-text", [.embedding], true),
            (#"["completion"]"#, "nomic-embed-text", [.chat], nil), ("7", "m", nil, nil),
        ] as [(String, String, [ModelCapability]?, Bool?)])
    func ollamaStatesCapabilities(
        stated: String, name: String, expected: [ModelCapability]?, isGuess: Bool?
    ) async throws {
        let model = try await status(.ollama, Self.ollama(stated, name: name)).availableModels.first
        #expect(model?.capabilities == expected)
        #expect(model?.capabilitiesAreGuessed == isGuess)
    }

    // MARK: Others

    @Test(
        arguments: [
            (
                #"{"paths":{"/v1/embeddings":{"post":{}},"/rerank":{"post":{"x":[1]}},"/health":{}}}"#,
                [.embeddings, .rerankUnversioned]
            ),
            // A proxy's own description; a server that answers every path with 200; an unusable document.
            (#"{"paths":{"/login":{}}}"#, nil), (#"{"error":"Unexpected endpoint"}"#, nil), ("<html>", nil),
        ] as [(String, [Endpoint]?)])
    func serversDescribeThemselves(description: String, expected: [Endpoint]?) async throws {
        let status = try await status(
            .openAI,
            ["GET /v1/models": .json(#"{"data":[{"id":"m"}]}"#), "GET /openapi.json": .json(description)])
        #expect(status.isHealthy)
        #expect(status.endpoints == expected)
    }

    @Test(
        arguments: [
            (#"{"id":"m","capabilities":["embed"]}"#, [.embedding], nil),
            (#"{"id":"m","type":"vlm"}"#, [.chat, .vision], nil),
            (#"{"id":"m","task":"automatic-speech-recognition"}"#, [.transcription], nil),
            (#"{"id":"m","model_type":"LLM"}"#, [.chat], nil), (#"{"id":"m","model_type":"rerank"}"#, [.rerank], nil),
            (#"{"id":"m","capabilities":{"completion_chat":true,"vision":false}}"#, [.chat], nil),
            (#"{"id":"m","capabilities":["tools"],"type":3}"#, nil, nil),
            (#"{"id":"whisper-1"}"#, [.transcription], true),
        ] as [(String, [ModelCapability]?, Bool?)])
    func listsStateCapabilities(entry: String, expected: [ModelCapability]?, isGuess: Bool?) async throws {
        let model = try await status(.openAI, ["GET /v1/models": .json(#"{"data":[\#(entry)]}"#)]).availableModels.first
        #expect(model?.capabilities == expected)
        #expect(model?.capabilitiesAreGuessed == isGuess)
    }

    // MARK: Memory

    @Test func whatWasLearnedIsKeptForAWhile() async {
        let time = Mutex(ContinuousClock.now)
        let asked = Mutex(0)
        let discovery = EndpointDiscovery { time.withLock { $0 } }
        func ask(_ key: String, _ answer: EndpointSet? = .all) async {
            _ = await discovery.endpoints(for: [key]) {
                asked.withLock { $0 += 1 }
                return answer
            }
        }
        await ask("1")
        await ask("1")
        #expect(asked.withLock { $0 } == 1)
        await ask("2")
        #expect(asked.withLock { $0 } == 2, "another version or other models")
        time.withLock { $0 += EndpointDiscovery.lifetime }
        await ask("2")
        #expect(asked.withLock { $0 } == 3)
        discovery.forget()
        await ask("2", nil)
        await ask("2", nil)
        #expect(asked.withLock { $0 } == 4)
        time.withLock { $0 += EndpointDiscovery.retryInterval }
        await ask("2")
        #expect(asked.withLock { $0 } == 5, "an engine that did not tell is asked sooner")
    }

    /// A restarted engine may have other arguments.
    @Test func anUnhealthyEngineIsAskedAgain() async throws {
        var answers = Self.llama
        answers["POST /v1/embeddings"] = Self.refusal(400)
        try await FakeEngine.with(answers) { fake in
            var settings = RunnerSettings()
            settings.engines = [RunnerSettings.Engine(kind: .llamaServer, url: fake.url)]
            let roster = try EngineRoster(settings, logger: .silent)
            await roster.refreshStatus()
            fake.set("POST /v1/embeddings", Self.refusal(501))
            fake.set("POST /v1/rerank", Self.refusal(400))
            await roster.refreshStatus()
            #expect(roster.statuses.first?.endpoints == [.embeddings], "asked once")
            fake.set("GET /health", Self.refusal(500))
            await roster.refreshStatus()
            #expect(roster.statuses.first?.isHealthy == false)
            fake.set("GET /health", .json("{}"))
            await roster.refreshStatus()
            #expect(roster.statuses.first?.endpoints == [.rerank])
        }
    }
}
