import Logging
import Relay
import RunnerProtocol
import Settings
import SimpleAICore
import Testing

@testable import RunnerAgent

@Suite struct EngineTests {
    private static let list = FakeEngine.Answer.json(
        #"{"object":"list","data":[{"id":"a","max_model_len":4096},{"id":"b","owned_by":"x"}]}"#)

    private func roster(
        _ kind: RunnerSettings.Engine.Kind, _ url: String, logger: Logger = .silent,
        _ change: (inout RunnerSettings.Engine) -> Void = { _ in }
    ) throws -> EngineRoster {
        var settings = RunnerSettings()
        var engine = RunnerSettings.Engine(kind: kind, url: url)
        change(&engine)
        settings.engines = [engine]
        return try EngineRoster(settings, logger: logger)
    }

    // MARK: Engines with OpenAI's paths

    @Test func openAICompatible() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.list]) { fake in
            let roster = try roster(.openAI, fake.url) { $0.slots = 6 }
            #expect(roster.upstream(for: "a") == nil)
            await roster.refreshStatus()
            let status = try #require(roster.statuses.first)
            #expect(status.engineType == "openai")
            #expect(status.isHealthy)
            #expect(status.loadedModels == ["a", "b"])
            #expect(status.availableModels == [EngineModel(id: "a", contextLength: 4096), EngineModel(id: "b")])
            #expect(status.batchSize == 6)
            #expect(roster.upstream(for: "b")?.port == fake.port)
            #expect(roster.upstream(for: "c") == nil)
            #expect(roster.models == ["a", "b"])
        }
    }

    /// Real servers' responses: a malformed entry does not affect the others.
    @Test(
        arguments: [
            (#"{"data":null}"#, [], false), (#"[{"id":"a"},{"id":"b"}]"#, ["a", "b"], false),
            (
                #"{"data":[{"id":"a"},{"id":null},{"id":7},{},{"id":""},{"id":"x\r\ny"},{"id":"a"},{"id":"b"}]}"#,
                ["a", "b"], true
            ),
        ] as [(String, [String], Bool)])
    func listsAreReadTolerantly(_ body: String, _ models: [String], _ omitsSome: Bool) async throws {
        try await FakeEngine.with(["GET /v1/models": .json(body)]) { fake in
            let roster = try roster(.openAI, fake.url)
            await roster.refreshStatus()
            #expect(roster.statuses.first?.isHealthy == true)
            #expect(roster.models == models)
            let omitted = roster.statuses.first?.omitted.count ?? 0
            #expect((omitted > 0) == omitsSome)
        }
    }

    @Test func anEngineThatFailsIsUnhealthyWithAReason() async throws {
        let broken = FakeEngine.Answer(status: 500, body: #"{"error":{"message":"out of memory"}}"#)
        try await FakeEngine.with(["GET /v1/models": broken]) { fake in
            let roster = try roster(.openAI, fake.url)
            await roster.refreshStatus()
            #expect(roster.statuses.first?.isHealthy == false)
            #expect(roster.statuses.first?.error == "it returned status 500: out of memory")
            fake.set("GET /v1/models", .json("{}"))
            await roster.refreshStatus()
            #expect(roster.statuses.first?.error == "it sent a response that this kind of engine never sends")
            fake.set("GET /v1/models", Self.list)
            await roster.refreshStatus()
            #expect(roster.statuses.first?.isHealthy == true)
        }
    }

    @Test func anUnreachableEngineIsUnhealthy() async throws {
        let port = try await FakeEngine.with([:]) { $0.port }
        let roster = try roster(.openAI, "http://127.0.0.1:\(port)")
        await roster.refreshStatus()
        #expect(roster.statuses.first?.isHealthy == false)
        #expect(roster.statuses.first?.error?.hasPrefix("it cannot be reached") == true)
    }

    @Test func otherEnginesRefuseLoadCommands() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.list]) { fake in
            let roster = try roster(.openAI, fake.url)
            await roster.refreshStatus()
            await #expect(throws: EngineFault.unsupported("openai does not support loading models on request")) {
                try await roster.load("a")
            }
            await #expect(throws: EngineFault.unsupported("no engine on this machine has this model")) {
                try await roster.load("z")
            }
        }
    }

    // MARK: Ollama

    private static let ollama: [String: FakeEngine.Answer] = [
        "GET /api/version": .json(#"{"version":"0.9.1"}"#),
        "GET /api/tags": .json(
            #"{"models":[{"name":"llama3:8b","model":"llama3:8b","modified_at":"2026-01-01T00:00:00Z","size":4661224676,"#
                + #""digest":"abc","details":{"family":"llama","parameter_size":"8.0B","quantization_level":"Q4_0"}},"#
                + #"{"name":"nomic:latest","size":1,"digest":"def"}]}"#),
        "GET /api/ps": .json(#"{"models":[{"name":"nomic:latest","size_vram":1}]}"#),
        "POST /api/show": .json(
            #"{"model_info":{"general.parameter_count":8030261248,"llama.context_length":8192,"general.name":"L"}}"#),
        "POST /api/generate": .json(#"{"done":true}"#),
    ]

    @Test func ollamaListsModelsOnDiskAndInMemory() async throws {
        try await FakeEngine.with(Self.ollama) { fake in
            let roster = try roster(.ollama, fake.url)
            await roster.refreshStatus()
            let status = try #require(roster.statuses.first)
            #expect(status.engineType == "ollama")
            #expect(status.version == "0.9.1")
            #expect(status.loadedModels == ["nomic:latest"])
            #expect(
                status.availableModels.first
                    == EngineModel(
                        id: "llama3:8b", sizeBytes: 4_661_224_676, parameterCount: 8_030_261_248, contextLength: 8192,
                        quantization: "Q4_0", modifiedAt: "2026-01-01T00:00:00Z"))
            #expect(roster.models == ["nomic:latest", "llama3:8b"])
            // Not loaded, but present: Ollama loads it for the call.
            #expect(roster.upstream(for: "llama3:8b")?.port == fake.port)
        }
    }

    /// Constant details are requested once.
    @Test func ollamaDetailsAreRemembered() async throws {
        try await FakeEngine.with(Self.ollama) { fake in
            let roster = try roster(.ollama, fake.url)
            await roster.refreshStatus()
            await roster.refreshStatus()
            #expect(fake.requests.count { $0.hasPrefix("POST /api/show") } == 2)
        }
    }

    @Test func ollamaLoadsAndUnloads() async throws {
        try await FakeEngine.with(Self.ollama) { fake in
            let roster = try roster(.ollama, fake.url)
            await roster.refreshStatus()
            try await roster.load("llama3:8b")
            #expect(fake.requests.contains(#"POST /api/generate {"model":"llama3:8b"}"#))
            try await roster.unload("llama3:8b")
            let unload = fake.requests.last { $0.hasPrefix("POST /api/generate") }
            #expect(unload?.contains(#""keep_alive":0"#) == true)
        }
    }

    @Test func ollamaLoadsModelsThatOnlyEmbed() async throws {
        var responses = Self.ollama
        responses["POST /api/generate"] = .init(
            status: 400, body: #"{"error":"\"nomic:latest\" does not support generate"}"#)
        responses["POST /api/embed"] = .json("{}")
        try await FakeEngine.with(responses) { fake in
            let roster = try roster(.ollama, fake.url)
            await roster.refreshStatus()
            try await roster.load("nomic:latest")
            #expect(fake.requests.contains { $0.hasPrefix("POST /api/embed") })
        }
    }

    @Test func ollamasErrorMessageIsForwarded() async throws {
        var responses = Self.ollama
        responses["POST /api/generate"] = .init(status: 500, body: #"{"error":"requires more system memory"}"#)
        try await FakeEngine.with(responses) { fake in
            let roster = try roster(.ollama, fake.url)
            await roster.refreshStatus()
            await #expect(throws: EngineFault.errorStatus(500, "requires more system memory")) {
                try await roster.load("llama3:8b")
            }
        }
    }

    // MARK: llama.cpp's server

    private static let llama: [String: FakeEngine.Answer] = [
        "GET /health": .json(#"{"status":"ok"}"#),
        "GET /v1/models": .json(
            #"{"data":[{"id":"qwen","meta":{"n_ctx_train":40960,"n_params":8190735360,"size":4682000000}}]}"#),
        "GET /props": .json(
            #"{"total_slots":4,"build_info":"b6000","default_generation_settings":{"n_ctx":8192}}"#),
        "GET /slots": .json(#"[{"id":0,"is_processing":true},{"id":1,"is_processing":false}]"#),
    ]

    @Test func llamaServerReportsItsSlots() async throws {
        try await FakeEngine.with(Self.llama) { fake in
            let roster = try roster(.llamaServer, fake.url)
            await roster.refreshStatus()
            let status = try #require(roster.statuses.first)
            #expect(status.isHealthy)
            #expect(status.version == "b6000")
            #expect(status.batchSize == 4)
            #expect(status.slots == 4)
            #expect(status.active == 1)
            #expect(
                status.availableModels == [
                    EngineModel(
                        id: "qwen", sizeBytes: 4_682_000_000, parameterCount: 8_190_735_360, contextLength: 8192)
                ])
        }
    }

    @Test func slotsOfSettingsTakePrecedence() async throws {
        try await FakeEngine.with(Self.llama) { fake in
            let roster = try roster(.llamaServer, fake.url) { $0.slots = 2 }
            await roster.refreshStatus()
            #expect(roster.statuses.first?.batchSize == 2)
        }
    }

    /// llama.cpp's server closes connections that are idle for 5 s, the interval of inspections.
    @Test func aConnectionThatTheServerClosesIsNotReused() async throws {
        try await FakeEngine.with(Self.llama, closesReusedConnections: true) { fake in
            let roster = try roster(.llamaServer, fake.url)
            for _ in 1...3 {
                await roster.refreshStatus()
                #expect(roster.statuses.first?.isHealthy == true)
                #expect(roster.statuses.first?.slots == 4)
            }
        }
    }

    /// Both are options of the server: without `--slots` and `--props` it still serves.
    @Test func slotsAndPropertiesMayBeMissing() async throws {
        var responses = Self.llama
        responses["GET /props"] = nil
        try await FakeEngine.with(responses) { fake in
            let roster = try roster(.llamaServer, fake.url)
            await roster.refreshStatus()
            #expect(roster.statuses.first?.slots == 2)
            fake.set("GET /slots", .init(status: 501))
            await roster.refreshStatus()
            #expect(roster.statuses.first?.isHealthy == true)
            #expect(roster.statuses.first?.batchSize == 1)
        }
    }

    @Test func aLoadingServerIsNotHealthy() async throws {
        var responses = Self.llama
        responses["GET /health"] = .init(status: 503, body: #"{"error":{"message":"Loading model","code":503}}"#)
        try await FakeEngine.with(responses) { fake in
            let roster = try roster(.llamaServer, fake.url)
            await roster.refreshStatus()
            #expect(roster.statuses.first?.error == "it returned status 503: Loading model")
        }
    }

    /// A child that ends is restarted, with growing delays.
    @Test(.timeLimit(.minutes(5))) func aServerThatExitsIsRestarted() async throws {
        let port = try await FakeEngine.with([:]) { $0.port }
        let log = LogStream()
        let engine = LlamaServer(
            upstream: Upstream(runner: "r", host: "127.0.0.1", port: port),
            control: EngineControl(url: "http://127.0.0.1:\(port)", apiKey: ""), slots: nil,
            command: ["sh", "-c", "echo no model; exit 3"], logger: log.logger,
            backoff: Backoff(first: .milliseconds(5), limit: .milliseconds(20)))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            await log.wait(for: "Engine started", times: 3)
            group.cancelAll()
        }
    }

    /// An engine that a killed agent has left behind continues to serve.
    @Test(.timeLimit(.minutes(5))) func aServerThatAlreadyRunsIsNotStartedAgain() async throws {
        try await FakeEngine.with(Self.llama) { fake in
            let log = LogStream()
            let engine = LlamaServer(
                upstream: Upstream(runner: "r", host: "127.0.0.1", port: fake.port),
                control: EngineControl(url: fake.url, apiKey: ""), slots: nil, command: ["sh", "-c", "exit 3"],
                logger: log.logger)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await engine.run() }
                while !fake.requests.contains("GET /health") { await Task.yield() }
                group.cancelAll()
            }
            log.logger.info("over")
            await log.wait(for: "over")
            #expect(fake.requests == ["GET /health"])
        }
    }

    // MARK: All engines

    @Test func reportsChanges() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.list]) { fake in
            let roster = try roster(.openAI, fake.url)
            var changes = roster.changes.makeAsyncIterator()
            await roster.refreshStatus()
            #expect(await changes.next() != nil)
            fake.set("GET /v1/models", .json(#"{"data":[{"id":"c"}]}"#))
            await roster.refreshStatus()
            #expect(await changes.next() != nil)
            #expect(roster.models == ["c"])
        }
    }
}
