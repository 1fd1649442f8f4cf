import NIOCore
import NIOHTTP1
import NIOPosix
import Relay
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet
@testable import RunnerAgent

extension Integration {
    /// An agent relays every endpoint, whatever the bodies are.
    @Suite struct AgentEndpointTests {
        private static let formType = "Content-Type: multipart/form-data; boundary=xx"

        /// The agent's HTTP side in front of a simulated engine.
        private func withAgent(
            budget: BufferBudget = BufferBudget(limit: 512 << 20, minShare: CallServices.maxBody.bytes),
            _ change: (inout EngineOptions) -> Void = { _ in },
            _ body: @escaping @Sendable (AgentServer, SimulatedEngine) async throws -> Void
        ) async throws {
            var options = EngineOptions(models: ["m"])
            options.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
            change(&options)
            let scripted = try await ScriptedEngine(ScriptedEngine.silent)
            try await running(SimulatedEngine(options, logger: .silent)) { engine in
                var settings = RunnerSettings()
                settings.engines = [.init(kind: .openAI, url: "http://127.0.0.1:\(try await engine.port())")]
                let roster = try EngineRoster(settings, logger: .silent)
                await roster.refreshStatus()
                let services = CallServices(
                    roster: roster, counts: CallCounts(), secret: "s", logger: .silent, budget: budget)
                services.demandSecret(false)
                let server = try await CallServer.listen(
                    on: "127.0.0.1", port: 0, services: services, group: MultiThreadedEventLoopGroup.singleton)
                let result = await Swift.Result {
                    try await body(AgentServer(services: services, server: server, engine: scripted), engine)
                }
                await server.end(by: .now())
                try result.get()
            }
        }

        private static func form(_ fields: [(String, String)]) -> String {
            fields.map { "--xx\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
                + "--xx--\r\n"
        }

        private static let document =
            #"{"model":"m","messages":[{"role":"user","content":"hi"}],"prompt":"hi","input":"hi","query":"hi","#
            + #""documents":["hi"],"stream":false}"#

        @Test(arguments: Endpoint.allCases) func everyEndpointPassesByteForByte(endpoint: Endpoint) async throws {
            let isForm = endpoint.bodyKind != .json
            let body =
                isForm
                ? Self.form([("model", "m"), ("file", "abc"), ("image", "a\u{0}b"), ("prompt", "p")]) : Self.document
            try await withAgent { agent, engine in
                let response = try await agent.send(
                    body, "POST", endpoint.path + "?beta=true", fields: isForm ? [Self.formType] : [])
                #expect(response.status == 200)
                #expect(response.endedCleanly && !response.body.isEmpty)
                let received = try #require(engine.receivedRequests.first)
                #expect(received.path == endpoint.path)
                #expect(received.body == Array(body.utf8))
                let type = isForm ? "multipart/form-data; boundary=xx" : "application/json"
                #expect(received["content-type"] == type)
                try await agent.settled()
                #expect(agent.services.counts.total.processed == 1)
            }
        }

        @Test(arguments: [
            ("/v1/audio/speech", #"{"model":"m","input":"one two"}"#, "audio/wav"),
            (
                "/v1/messages", #"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
                "text/event-stream"
            ),
            ("/api/chat", #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#, "application/x-ndjson"),
        ]) func streamsOfEveryTypePass(path: String, body: String, type: String) async throws {
            try await withAgent { agent, engine in
                let response = try await agent.send(body, "POST", path)
                #expect(response["content-type"] == type)
                #expect(response.chunks > 1)
                let direct = try await LoopbackClient.send(
                    .POST, "http://127.0.0.1:\(try await engine.port())\(path)", [("content-type", "application/json")],
                    Array(body.utf8))
                // Ids and times differ.
                #expect(abs(direct.body.count - response.body.count) < 100)
                if type == "audio/wav" { #expect(direct.body == response.body) }
            }
        }

        /// Only the beginning of a form is held, up to its model: the rest goes on to the engine as it arrives.
        @Test func aLargeFormNeedsNoMemory() async throws {
            let file = String(repeating: "x", count: 8 << 20)
            try await withAgent(budget: BufferBudget(limit: 1 << 20, minShare: 1 << 20)) { agent, engine in
                let response = try await agent.send(
                    Self.form([("model", "m"), ("file", file)]), "POST", "/v1/audio/transcriptions",
                    fields: [Self.formType])
                #expect(response.status == 200)
                #expect(engine.receivedRequests.first.map { $0.body.count > 8 << 20 } == true)
                try await agent.settled()
                // The model is last: everything before it must be held, and there is no room.
                let late = try await agent.send(
                    Self.form([("file", file), ("model", "m")]), "POST", "/v1/audio/transcriptions",
                    fields: [Self.formType])
                #expect(late.status == 503)
                #expect(try late.error().code == "queue_full")
                try await agent.settled()
            }
        }

        /// The engine's refusal arrives, though the request is not complete when it is sent.
        @Test func anEarlyResponseEndsTheUpload() async throws {
            let file = String(repeating: "x", count: 4 << 20)
            try await withAgent { agent, _ in
                let wire = try await agent.connect()
                let request = agent.request(
                    Self.form([("model", "other"), ("file", file)]), "POST", "/v1/images/variations",
                    fields: [Self.formType])
                try await wire.send(request)
                let response = try await wire.response()
                #expect(response.status == 404)
                #expect(response["connection"] == "close")
                try await wire.isLeft()
                await wire.close()
                try await agent.settled()
            }
        }

        @Test func aGatewayThatHangsUpDuringAnUploadEndsTheEnginesWork() async throws {
            try await withAgent { agent, engine in
                let wire = try await agent.connect()
                let body = Self.form([("model", "m"), ("file", String(repeating: "x", count: 2 << 20))])
                try await wire.send(
                    String(
                        agent.request(body, "POST", "/v1/audio/translations", fields: [Self.formType]).prefix(1 << 20)))
                while agent.services.counts.total.active == 0 { await Task.yield() }
                await wire.close()
                try await agent.settled()
                #expect(agent.services.counts.total.processed == 0)
                #expect(engine.receivedRequests.isEmpty)
            }
        }

        @Test(arguments: [
            ("/v1/audio/transcriptions", "{}", "Content-Type: application/json", 415, "unsupported_media_type"),
            ("/v1/audio/transcriptions", form([("file", "x")]), formType, 400, "invalid_request"),
            ("/v1/audio/transcriptions", "no form", formType, 400, "invalid_request"),
            ("/v1/audio/transcriptions", form([("model", "other"), ("file", "x")]), formType, 404, "model_not_found"),
            ("/v1/images/edits", "{", "Content-Type: application/json", 400, "invalid_json"),
            ("/v1/messages", #"{"model":"other"}"#, "Content-Type: application/json", 404, "model_not_found"),
        ]) func unusableRequestsReachNoEngine(
            path: String, body: String, type: String, status: Int, code: String
        ) async throws {
            try await withAgent { agent, engine in
                let response = try await agent.send(body, "POST", path, fields: [type])
                #expect(response.status == status)
                #expect(try response.error().code == code)
                #expect(engine.receivedRequests.isEmpty)
                try await agent.settled()
            }
        }
    }
}
