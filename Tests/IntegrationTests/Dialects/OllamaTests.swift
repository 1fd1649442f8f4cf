import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Ollama's inference endpoints, of engines that serve them and of engines that do not.
    @Suite struct OllamaTests {
        private typealias Engine = ScriptedEngine

        private static func send(
            _ gateway: RunningGateway, _ path: String = "/api/chat", _ body: String = DialectEngine.ollamaRequest(),
            roles: [Role] = ["model:specific"]
        ) async throws -> Response {
            try await gateway.send(body, "POST", path, roles: roles)
        }

        @Test func anEngineThatServesThemReceivesTheRequest() async throws {
            try await withEngine(DialectEngine.ollama) { (gateway, engine) async throws in
                let stream = try await Self.send(gateway)
                #expect(stream["content-type"] == "application/x-ndjson" && stream.endedCleanly)
                #expect(stream.text == DialectEngine.chatLines.joined().replacing("engine", with: "m"))
                let document = try await Self.send(
                    gateway, "/api/chat/", DialectEngine.ollamaRequest("\"stream\":false,"))
                #expect(document.text + "\n" == DialectEngine.chatLines[1].replacing("engine", with: "m"))
                let embeddings = try await Self.send(gateway, "/api/embed", #"{"model":"m","input":"x"}"#)
                #expect(try embeddings.json()["model"] as? String == "m")
                #expect(engine.paths == ["/api/chat", "/api/chat", "/api/embed"])
                let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                #expect(metrics["simpleai_tokens_total{kind=\"prompt\"}"] == 16)
                try await gateway.settled()
            }
        }

        @Test func otherEnginesReceiveTranslations() async throws {
            let script = DialectEngine.serving(["/v1/chat/completions", "/v1/embeddings"]) { request, wire in
                guard request.path == "/v1/embeddings" else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(
                    Engine.document(
                        #"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":2}}"#))
            }
            try await withEngine(script) { (gateway, engine) async throws in
                let chat = try await Self.send(gateway)
                #expect(chat["content-type"] == "application/x-ndjson" && chat.endedCleanly)
                let lines = try chat.lines()
                let texts = lines.compactMap { ($0["message"] as? [String: Any])?["content"] as? String }
                #expect(texts.joined() == "t0t1t2")
                #expect(lines.allSatisfy { $0["model"] as? String == "m" })
                #expect(lines.last?["done"] as? Bool == true && lines.last?["eval_count"] as? Int == 3)
                #expect(lines.dropLast().allSatisfy { $0["done"] as? Bool == false })
                let generated = try await Self.send(
                    gateway, "/api/generate", #"{"model":"m","prompt":"x","stream":false}"#)
                #expect(try generated.json()["response"] as? String == "hello")
                let vectors = try await Self.send(gateway, "/api/embed", #"{"model":"m","input":["x"]}"#)
                #expect(try vectors.json()["embeddings"] as? [[Double]] == [[0.5]])
                let vector = try await Self.send(gateway, "/api/embeddings", #"{"model":"m","prompt":"x"}"#)
                #expect(try vector.json()["embedding"] as? [Double] == [0.5])
                let translated = engine.paths.filter { $0.hasPrefix("/v1") }
                #expect(
                    translated == [
                        "/v1/chat/completions", "/v1/chat/completions", "/v1/embeddings", "/v1/embeddings",
                    ])
                try await gateway.settled()
            }
        }

        /// llama.cpp serves chat completions at `/api/chat`, too.
        @Test(arguments: ["", "\"stream\":false,"])
        func anEngineWithAnotherAPIAtThePathIsTranslatedFor(options: String) async throws {
            try await withEngine({ request, wire in
                let streams = !request.body.contains("\"stream\":false") && request.path == "/api/chat"
                guard streams else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(Engine.streamHead)
                for event in Engine.events() { try await wire.send(Engine.chunk(event)) }
                try await wire.send(Engine.lastChunk)
            }) { (gateway, engine) async throws in
                for _ in 0..<2 {
                    let response = try await Self.send(gateway, "/api/chat", DialectEngine.ollamaRequest(options))
                    #expect(try response.lines().last?["done"] as? Bool == true)
                }
                #expect(engine.paths == ["/api/chat", "/v1/chat/completions", "/v1/chat/completions"])
                try await gateway.settled()
            }
        }

        @Test func requestsWithoutInputLoadAndUnload() async throws {
            try await withEngine(DialectEngine.chatOnly, runner: { $0.endpoints = [.chatCompletions] }) {
                (gateway, engine) async throws in
                for (path, body, reason) in [
                    ("/api/generate", #"{"model":"m"}"#, "load"),
                    ("/api/chat", #"{"model":"m","messages":[]}"#, "load"),
                    ("/api/generate", #"{"model":"m","keep_alive":0}"#, "unload"),
                ] {
                    let response = try await Self.send(gateway, path, body)
                    #expect(response.status == 200)
                    #expect(try response.json()["done_reason"] as? String == reason)
                    #expect(try response.json()["model"] as? String == "m")
                }
                #expect(engine.paths.isEmpty, "no engine generates anything")
                #expect(
                    try await Self.send(gateway, "/api/generate", #"{"model":"m","keep_alive":0}"#, roles: []).status
                        == 403)
                try await gateway.settled()
            }
        }

        @Test func errorsHaveTheFormOfTheDialect() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, _) async throws in
                for (response, status) in [
                    (try await Self.send(gateway, "/api/chat", "{"), 400),
                    (try await Self.send(gateway, "/api/chat", #"{"messages":"x"}"#), 400),
                    (try await Self.send(gateway, "/api/embed", "{}"), 400),
                    (try await Self.send(gateway, roles: []), 403),
                    (
                        try await Self.send(
                            gateway, "/api/chat", #"{"model":"no","messages":[{"role":"user","content":"x"}]}"#), 404
                    ),
                    (try await gateway.send("{}", "POST", "/api/generate", token: ""), 401),
                ] {
                    #expect(response.status == status)
                    let error = try response.json()
                    #expect(error.count == 1 && (error["error"] as? String)?.isEmpty == false)
                }
                try await gateway.settled()
            }
        }

        @Test(arguments: [true, false])
        func aBrokenStreamEndsWithAnError(isNative: Bool) async throws {
            try await withEngine({ request, wire in
                guard isNative == request.path.hasPrefix("/api") else {
                    return try await wire.send(DialectEngine.notFound)
                }
                try await wire.send(isNative ? DialectEngine.lineHead : Engine.streamHead)
                try await wire.send(Engine.chunk(isNative ? DialectEngine.chatLines[0] : Engine.events()[0]))
                throw Engine.ClientLeft()
            }) { (gateway, _) async throws in
                let response = try await Self.send(gateway)
                let lines = try response.lines()
                #expect(lines.count == 2)
                #expect((lines.last?["error"] as? String)?.isEmpty == false)
                #expect(!response.text.contains("\"done\":true"))
                try await gateway.settled()
            }
        }

        /// The examples of Ollama's documentation send the media type of a form.
        @Test(arguments: [
            "application/x-www-form-urlencoded", "text/plain; charset=utf-16", "multipart/form-data", nil,
        ])
        func anyMediaTypeIsJSON(type: String?) async throws {
            try await withEngine(DialectEngine.ollama) { (gateway, engine) async throws in
                let fields = ["Content-Type: \(type ?? "")"]
                for path in ["/api/chat", "/api/embed"] {
                    let more = path == "/api/embed" ? "\"input\":\"x\"," : ""
                    let response = try await gateway.send(
                        DialectEngine.ollamaRequest(more), "POST", path, fields: type == nil ? [] : fields)
                    #expect(response.status == 200, "\(path)")
                }
                #expect(try engine.request(0)["content-type"] == "application/json")
                let shown = try await gateway.send(#"{"model":"m"}"#, "POST", "/api/show", fields: fields)
                #expect(shown.status == 200)
                let other = try await gateway.send(
                    DialectEngine.messagesRequest(), "POST", "/v1/messages", fields: ["Content-Type: text/plain"])
                #expect(other.status == 415)
            }
        }

        @Test func linesKeepAWaitingStreamAlive() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { request, wire in
                    _ = try await mayRespond.value { $0 }
                    try await DialectEngine.chatOnly(request, wire)
                },
                settings: {
                    $0.keepalive.after = .milliseconds(20)
                    $0.keepalive.every = .milliseconds(20)
                }
            ) { (gateway, _) async throws in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(DialectEngine.ollamaRequest(), "POST", "/api/chat"))
                let early = try await wire.peek { $0.text.split(separator: "\n").count >= 2 }
                #expect(early["content-type"] == "application/x-ndjson")
                for line in try early.lines() {
                    #expect(line["done"] as? Bool == false && line["created_at"] is String)
                    #expect((line["message"] as? [String: Any])?["content"] as? String == "")
                }
                mayRespond.update { $0 = true }
                let response = try await wire.response()
                #expect(try response.lines().last?["done"] as? Bool == true)
                await wire.close()
            }
        }
    }
}
