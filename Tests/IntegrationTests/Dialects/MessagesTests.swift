import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// `/v1/messages`, of engines that serve it and of engines that do not.
    @Suite struct MessagesTests {
        private typealias Engine = ScriptedEngine

        private struct Failure: Decodable {
            struct Detail: Decodable { let type, message: String }
            let type: String
            let error: Detail
            let request_id: String
        }

        private static func failure(_ response: Response) throws -> Failure {
            try JSONDecoder().decode(Failure.self, from: Data(response.body))
        }

        private static func send(
            _ gateway: RunningGateway, stream: Bool = false, model: String = "m", path: String = "/v1/messages",
            fields: [String] = [], roles: [Role] = ["model:specific"]
        ) async throws -> Response {
            try await gateway.send(
                DialectEngine.messagesRequest(stream: stream, model: model), "POST", path, fields: fields, roles: roles)
        }

        // MARK: Native

        @Test func anEngineThatServesItReceivesTheRequestOnce() async throws {
            try await withEngine(DialectEngine.messages) { (gateway, engine) async throws in
                let fields = ["anthropic-version: 2023-06-01", "anthropic-beta: a,b", "x-stainless-lang: js"]
                let response = try await Self.send(gateway, path: "/v1/messages?beta=true", fields: fields)
                #expect(response.status == 200)
                #expect(response.text == DialectEngine.message.replacing("\"engine\"", with: "\"m\""))
                #expect(response["request-id"] == response["x-request-id"])
                let request = try engine.request(0)
                #expect(request.path == "/v1/messages")
                #expect(request["anthropic-version"] == "2023-06-01" && request["anthropic-beta"] == "a,b")
                #expect(request["x-stainless-lang"] == nil)
                let stream = try await Self.send(gateway, stream: true)
                #expect(stream["content-type"] == "text/event-stream")
                #expect(stream.text == DialectEngine.messageEvents.joined().replacing("\"engine\"", with: "\"m\""))
                #expect(stream.endedCleanly)
                #expect(engine.counts.value.requests.count == 2, "each request reached the engine once")
                let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                #expect(metrics["simpleai_tokens_total{kind=\"prompt\"}"] == 14)
                #expect(metrics["simpleai_tokens_total{kind=\"completion\"}"] == 6)
                try await gateway.settled()
            }
        }

        // MARK: Translated

        @Test func anEngineWithoutItReceivesChatCompletions() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, engine) async throws in
                let response = try await Self.send(gateway)
                #expect(response.status == 200 && response["content-type"] == "application/json")
                let message = try response.json()
                #expect(message["type"] as? String == "message" && message["model"] as? String == "m")
                #expect((message["content"] as? [[String: Any]])?.first?["text"] as? String == "hello")
                #expect(message["stop_reason"] as? String == "end_turn")
                let stream = try await Self.send(gateway, stream: true)
                #expect(stream.endedCleanly && stream["content-type"] == "text/event-stream")
                #expect(
                    stream.eventNames == [
                        "message_start", "content_block_start", "content_block_delta", "content_block_delta",
                        "content_block_delta", "content_block_stop", "message_delta", "message_stop",
                    ])
                #expect(stream.text.contains("\"output_tokens\":3") && !stream.text.contains("[DONE]"))
                // The first call showed that the endpoint is missing; the second one is translated at once.
                #expect(engine.paths == ["/v1/messages", "/v1/chat/completions", "/v1/chat/completions"])
                #expect(try engine.request(2).body.contains("\"include_usage\":true"))
                try await gateway.settled()
            }
        }

        @Test func theSettingDecides() async throws {
            try await withEngine(DialectEngine.chatOnly, runner: { $0.messages = .translate }) {
                (gateway, engine) async throws in
                #expect(try await Self.send(gateway).status == 200)
                #expect(engine.paths == ["/v1/chat/completions"])
            }
            try await withEngine(DialectEngine.chatOnly, runner: { $0.messages = .native }) {
                (gateway, engine) async throws in
                let response = try await Self.send(gateway)
                #expect(response.status == 501)
                #expect(try Self.failure(response).error.message.contains("/v1/messages"))
                #expect(engine.paths == ["/v1/messages"])
            }
            try await withEngine(DialectEngine.chatOnly, runner: { $0.endpoints = [.chatCompletions] }) {
                (gateway, engine) async throws in
                #expect(try await Self.send(gateway).status == 200)
                #expect(engine.paths == ["/v1/chat/completions"], "the settings show it before the first call")
            }
        }

        @Test func anEngineThatRefusesAFieldIsTranslatedFor() async throws {
            let refusal = #"{"error":{"message":"context_management: Extra inputs are not permitted"}}"#
            try await withEngine({ request, wire in
                guard request.path == "/v1/messages" else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(Engine.document(refusal, status: "400 Bad Request"))
            }) { (gateway, engine) async throws in
                for _ in 0..<3 { #expect(try await Self.send(gateway, stream: true).endedCleanly) }
                #expect(engine.paths.filter { $0 == "/v1/messages" }.count == 1)
                #expect(engine.paths.count == 4)
            }
        }

        @Test func anEngineWithoutTheUsageOptionIsAskedWithoutIt() async throws {
            try await withEngine(DialectEngine.chatOnly, runner: { $0.streamUsage = false }) {
                (gateway, engine) async throws in
                #expect(try await Self.send(gateway, stream: true).eventNames.last == "message_stop")
                #expect(try !engine.request(1).body.contains("stream_options"))
            }
        }

        @Test func aRunnerWithoutEitherEndpointIsNotChosen() async throws {
            let embeddings = DialectEngine.serving(["/v1/embeddings"], Engine.wellBehaved)
            try await withEngines(
                [embeddings, DialectEngine.chatOnly], settings: { $0.routing.policy = .roundRobin }
            ) { (gateway, engines) async throws in
                for _ in 0..<4 { #expect(try await Self.send(gateway).status == 200) }
                #expect(engines[0].paths.allSatisfy { ["/v1/messages", "/v1/chat/completions"].contains($0) })
                #expect(engines[0].paths.count == 2, "both endpoints were found to be missing, once")
            }
            try await withEngine(embeddings) { (gateway, _) async throws in
                let response = try await Self.send(gateway)
                #expect(response.status == 501)
                #expect(try Self.failure(response).error.type == "api_error")
            }
        }

        // MARK: Errors

        @Test func errorsHaveTheFormOfTheDialect() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, engine) async throws in
                let unknown = try await Self.send(gateway, model: "class:none")
                #expect(unknown.status == 404)
                #expect(try Self.failure(unknown).error.type == "not_found_error")
                let forbidden = try await Self.send(gateway, roles: [])
                #expect(forbidden.status == 403)
                #expect(try Self.failure(forbidden).error.type == "permission_error")
                let anonymous = try await gateway.send(
                    DialectEngine.messagesRequest(), "POST", "/v1/messages", token: "")
                #expect(anonymous.status == 401 && anonymous["www-authenticate"] != nil)
                let failure = try Self.failure(anonymous)
                #expect(failure.type == "error" && failure.error.type == "authentication_error")
                #expect(failure.request_id == anonymous["x-request-id"])
                for (body, words) in [
                    ("{}", "messages"), ("{\"messages\":[],\"max_tokens\":1}", "messages"), ("{", "JSON"),
                    (#"{"messages":[{"role":"user","content":"x"}],"max_tokens":"1"}"#, "max_tokens"),
                    (#"{"messages":[{"role":"user","content":5}],"max_tokens":1,"model":"m"}"#, "content"),
                ] {
                    let response = try await gateway.send(body, "POST", "/v1/messages")
                    #expect(response.status == 400, "\(body)")
                    let failure = try Self.failure(response)
                    #expect(failure.error.type == "invalid_request_error")
                    #expect(failure.error.message.contains(words), "\(failure.error.message)")
                }
                #expect(!engine.paths.contains("/v1/chat/completions"))
                let wrong = try await gateway.get("/v1/messages")
                #expect(wrong.status == 405 && wrong["allow"] == "POST")
                try await gateway.settled()
            }
        }

        @Test(arguments: [true, false])
        func theEnginesWordsReachTheCaller(isNative: Bool) async throws {
            let error =
                #"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.","type":"BadRequestError","param":null,"code":400}}"#
            try await withEngine({ request, wire in
                guard isNative || request.path != "/v1/messages" else {
                    return try await wire.send(DialectEngine.notFound)
                }
                try await wire.send(Engine.document(error, status: "400 Bad Request"))
            }) { (gateway, _) async throws in
                for stream in [false, true] {
                    let response = try await Self.send(gateway, stream: stream)
                    #expect(response.status == 400)
                    let failure = try Self.failure(response)
                    #expect(failure.error.type == "invalid_request_error")
                    #expect(failure.error.message.hasPrefix("prompt is too long: 5000 tokens > 4096 maximum."))
                    #expect(failure.error.message.contains("your messages resulted in 5000 tokens"))
                }
            }
        }

        /// At each event of the stream: never a clean end, never `message_stop`.
        @Test(arguments: [true, false], 0..<5)
        func aBrokenStreamEndsWithAnError(isNative: Bool, events: Int) async throws {
            try await withEngine({ request, wire in
                guard isNative == (request.path == "/v1/messages") else {
                    return try await wire.send(DialectEngine.notFound)
                }
                let sent = isNative ? DialectEngine.messageEvents : Engine.events(tokens: 4)
                try await wire.send(Engine.streamHead)
                for event in sent.prefix(events) { try await wire.send(Engine.chunk(event)) }
                throw Engine.ClientLeft()
            }) { (gateway, _) async throws in
                let response = try await Self.send(gateway, stream: true)
                #expect(!response.text.contains("message_stop"))
                #expect(response.status == 200 ? response.eventNames.last == "error" : response.status == 502)
                if response.status == 200 {
                    #expect(response.text.contains("\"type\":\"api_error\""))
                }
                try await gateway.settled()
            }
        }

        // MARK: Waiting

        @Test func pingsKeepAWaitingStreamAlive() async throws {
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
                try await wire.send(
                    gateway.request(DialectEngine.messagesRequest(stream: true), "POST", "/v1/messages"))
                let early = try await wire.peek { $0.eventNames.count >= 2 }
                #expect(early["content-type"] == "text/event-stream")
                #expect(Set(early.eventNames) == ["ping"])
                #expect(!early.text.contains(": served"))
                mayRespond.update { $0 = true }
                let response = try await wire.response()
                #expect(response.endedCleanly && response.eventNames.last == "message_stop")
                await wire.close()
            }
        }

        @Test(arguments: [true, false])
        func theEngineStopsWhenTheClientDisconnects(isNative: Bool) async throws {
            try await withEngine({ request, wire in
                guard isNative == (request.path == "/v1/messages") else {
                    return try await wire.send(DialectEngine.notFound)
                }
                try await wire.send(Engine.streamHead)
                let first = isNative ? DialectEngine.messageEvents[0] : Engine.events()[0]
                try await wire.send(Engine.chunk(first))
                try await Engine.silent(request, wire)
            }) { (gateway, engine) async throws in
                let wire = try await gateway.connect()
                try await wire.send(
                    gateway.request(DialectEngine.messagesRequest(stream: true), "POST", "/v1/messages"))
                _ = try await wire.peek { $0.text.contains("message_start") }
                await wire.close()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        // MARK: Counting tokens

        @Test func theEnginesOwnCountIsUsed() async throws {
            try await withEngine(DialectEngine.messages) { (gateway, engine) async throws in
                let response = try await Self.send(gateway, path: "/v1/messages/count_tokens")
                #expect(response.text == "{\"input_tokens\":11}")
                #expect(engine.paths == ["/v1/messages/count_tokens"])
                try await gateway.settled()
            }
        }

        @Test func otherwiseTheCountIsEstimated() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, engine) async throws in
                for _ in 0..<3 {
                    let response = try await Self.send(gateway, path: "/v1/messages/count_tokens")
                    #expect(response.status == 200)
                    #expect(try response.json()["input_tokens"] as? Int ?? 0 > 0)
                }
                #expect(engine.paths == ["/v1/messages/count_tokens"], "the missing endpoint is remembered")
                #expect(try await Self.send(gateway, model: "nothing", path: "/v1/messages/count_tokens").status == 404)
                #expect(try await Self.send(gateway, path: "/v1/messages/count_tokens", roles: []).status == 403)
                let refusal = try await gateway.send("{\"messages\":1}", "POST", "/v1/messages/count_tokens")
                #expect(try Self.failure(refusal).error.message.contains("messages"))
                try await gateway.settled()
            }
        }

        /// The machine is off, and can be woken.
        @Test func aCountWakesNothing() async throws {
            let hook = try await ScriptedEngine { _, wire in try await wire.send(Engine.document("{}")) }
            try await running([hook]) {
                let port = hook.port
                let runner = Settings.StaticRunner.at(1, models: ["m"]) {
                    $0.wake = Settings.WakeTarget(macs: [])
                    $0.wake?.http = Settings.WebHook(
                        method: "POST", url: "http://127.0.0.1:\(port)/wake", host: "127.0.0.1")
                }
                try await RunningGateway.with([runner], awaitRunners: false) { gateway in
                    let response = try await Self.send(gateway, path: "/v1/messages/count_tokens")
                    #expect(try response.json()["input_tokens"] as? Int ?? 0 > 0)
                    #expect(try await gateway.metrics { _ in true }["simpleai_calls_waiting"] == 0)
                }
                #expect(hook.counts.value.requests.isEmpty)
            }
        }
    }
}
