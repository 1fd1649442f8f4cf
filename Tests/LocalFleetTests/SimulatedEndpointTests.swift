import NIOHTTP1
import SimpleAICore
import Testing

@testable import LocalFleet

/// The endpoints beside OpenAI's texts. The clients of each API check the forms in SimulatedEngineClientTests.
@Suite struct SimulatedEndpointTests {
    private func engine(_ change: (inout EngineOptions) -> Void = { _ in }) -> SimulatedEngine {
        var options = EngineOptions(models: ["sim:1b"])
        options.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
        change(&options)
        return SimulatedEngine(options, logger: .silent)
    }

    private func send(
        _ engine: SimulatedEngine, _ path: String, _ body: String = "", type: String = "application/json",
        method: HTTPMethod = .POST
    ) async throws -> (status: Int, body: [UInt8]) {
        let response = try await LoopbackClient.send(
            method, "http://127.0.0.1:\(try await engine.port())\(path)", [("content-type", type)], Array(body.utf8))
        return (response.status, response.body)
    }

    private static let formType = "multipart/form-data; boundary=\"xx\""

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "--xx\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined() + "--xx--\r\n"
    }

    /// A small request for each endpoint.
    private static func request(_ endpoint: Endpoint, model: String = "sim:1b") -> (body: String, type: String) {
        if endpoint.bodyKind == .multipart {
            return (form([("model", model), ("file", "abc"), ("image", "abc"), ("prompt", "p")]), formType)
        }
        let body =
            #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}],"prompt":"hi","input":"hi","#
            + #""query":"hi","documents":["hi"],"max_tokens":50}"#
        return (body, "application/json")
    }

    @Test(arguments: Endpoint.allCases) func everyEndpointResponds(endpoint: Endpoint) async throws {
        try await running(engine()) { engine in
            let request = Self.request(endpoint)
            let response = try await send(engine, endpoint.path, request.body, type: request.type)
            #expect(response.status == 200)
            #expect(!response.body.isEmpty)
            #expect(engine.receivedRequests.map(\.path) == [endpoint.path])
            #expect(engine.counters.activeRequests == 0)
            // Only the count of tokens needs no slot.
            #expect(engine.counters.served == (endpoint == .countTokens ? 0 : 1))
        }
    }

    @Test(arguments: Endpoint.allCases) func unknownModelsAreRefusedInTheFormOfTheAPI(endpoint: Endpoint) async throws {
        try await running(engine()) { engine in
            let request = Self.request(endpoint, model: "other")
            let response = try await send(engine, endpoint.path, request.body, type: request.type)
            #expect(response.status == 404)
            let error = try JSON(response.body)
            switch endpoint.dialect {
            case .anthropic:
                #expect(error.type == .string("error"))
                #expect(error.error?.type == .string("not_found_error"))
            case .ollama: #expect(error.error?.string?.contains("other") == true)
            case .openAI: #expect(error.error?.code == .string("model_not_found"))
            }
        }
    }

    /// An engine without an endpoint responds with 404, and lists only those that it serves.
    @Test func endpointsCanBeLeftOut() async throws {
        try await running(engine { $0.endpoints = [.chatCompletions, .embeddings] }) { engine in
            for endpoint in Endpoint.allCases {
                let request = Self.request(endpoint)
                let response = try await send(engine, endpoint.path, request.body, type: request.type)
                let isServed = [.chatCompletions, .embeddings].contains(endpoint)
                #expect(response.status == (isServed ? 200 : 404), "\(endpoint.path)")
                let other = try await send(engine, endpoint.path, method: .GET)
                #expect(other.status == (isServed ? 405 : 404), "\(endpoint.path)")
            }
            let tags = try await send(engine, "/api/tags", method: .GET)
            #expect(tags.status == 404)
            let description = try JSON(try await send(engine, "/openapi.json", method: .GET).body)
            let paths = description.paths?.value.object?.keys.map(\.rawValue).sorted()
            #expect(paths == ["/v1/chat/completions", "/v1/embeddings"])
        }
    }

    @Test(arguments: [
        ("/v1/audio/transcriptions", form([("model", "sim:1b")])),
        ("/v1/audio/transcriptions", form([("model", "sim:1b"), ("file", "x"), ("response_format", "docx")])),
        ("/v1/audio/transcriptions", "--xx\r\nno form"),
        ("/v1/images/edits", form([("model", "sim:1b"), ("prompt", "p")])),
        ("/v1/images/variations", form([("model", "sim:1b"), ("image", "x"), ("n", "11")])),
    ]) func unusableFormsAreRefused(path: String, body: String) async throws {
        try await running(engine()) { engine in
            let response = try await send(engine, path, body, type: Self.formType)
            #expect(response.status == 400)
            #expect(try JSON(response.body).error?.type == .string("invalid_request_error"))
            #expect(engine.counters.activeRequests == 0)
        }
    }

    @Test(arguments: [
        ("/v1/rerank", #"{"model":"sim:1b","query":"q"}"#),
        ("/v1/rerank", #"{"model":"sim:1b","query":"q","documents":["a"],"top_n":0}"#),
        ("/v1/audio/speech", #"{"model":"sim:1b"}"#),
        ("/v1/images/generations", #"{"model":"sim:1b"}"#),
        ("/api/embed", #"{"model":"sim:1b","input":"x","dimensions":-1}"#),
        ("/v1/messages", #"{"model":"sim:1b","messages":[],"max_tokens":-1}"#),
        ("/v1/audio/transcriptions", "{}"),
    ]) func unusableDocumentsAreRefused(path: String, body: String) async throws {
        try await running(engine()) { engine in
            let response = try await send(engine, path, body)
            #expect(response.status == 400)
        }
    }

    /// Ollama's engine loads a model for an empty prompt, and unloads it if told so; neither is an inference.
    @Test(arguments: [
        ("/api/generate", #""prompt":"""#), ("/api/chat", #""messages":[]"#), ("/api/embed", #""input":"""#),
    ]) func emptyRequestsLoadAndUnload(path: String, input: String) async throws {
        let options = { (options: inout EngineOptions) in options.loading = ModelLoading() }
        try await running(engine(options)) { engine in
            let loaded = try await send(engine, path, #"{"model":"sim:1b",\#(input)}"#)
            #expect(loaded.status == 200)
            #expect(engine.memory.now.loaded == ["sim:1b"])
            let unloaded = try await send(engine, path, #"{"model":"sim:1b",\#(input),"keep_alive":0}"#)
            #expect(unloaded.status == 200)
            #expect(engine.memory.now.loaded == [])
            #expect(engine.receivedRequests.isEmpty)
        }
    }

    /// The faults of the simulation apply to every endpoint: a full queue, and a client that disconnects.
    @Test(arguments: [Endpoint.messages, .speech, .transcriptions, .imageGenerations, .rerank, .ollamaChat])
    func faultsApply(endpoint: Endpoint) async throws {
        let options = { (options: inout EngineOptions) in (options.slots, options.queueLength) = (1, 0) }
        try await running(engine(options)) { engine in
            engine.setPace(EnginePace(timeToFirstToken: .seconds(3_600), tokensPerSecond: 1))
            try await RawClient.with(try await engine.port()) { client in
                try await client.send(RawClient.chat(#"{"model":"sim:1b","messages":[]}"#))
                _ = try await engine.counters { $0.activeRequests == 1 }
                let request = Self.request(endpoint)
                let response = try await send(engine, endpoint.path, request.body, type: request.type)
                #expect(response.status == 503)
            }
            _ = try await engine.counters { $0.activeRequests == 0 && $0.cancelled == 1 }
        }
    }

    @Test(arguments: [
        ("none", nil), (#""required""#, "a_tool"), (#"{"type":"any"}"#, "a_tool"),
        (#"{"type":"tool","name":"b_tool"}"#, "b_tool"),
        (#"{"type":"function","function":{"name":"b_tool"}}"#, "b_tool"), (#""auto""#, nil),
    ]) func theChoiceDecidesWhichToolIsCalled(choice: String, expected: String?) async throws {
        let choice = choice == "none" ? #""none""# : choice
        let tools = ["a_tool", "b_tool"].map { #"{"name":"\#($0)","input_schema":{}}"# }.joined(separator: ",")
        try await running(engine()) { engine in
            let response = try await send(
                engine, "/v1/messages",
                #"{"model":"sim:1b","messages":[{"role":"user","content":"hi"}],"tools":[\#(tools)],"tool_choice":\#(choice)}"#
            )
            let message = try JSON(response.body)
            #expect(message.content?[1]?.name?.string == expected)
            #expect(message.stop_reason == .string(expected == nil ? "end_turn" : "tool_use"))
        }
    }
}
