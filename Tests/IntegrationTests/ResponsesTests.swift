import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// `/v1/responses`: streams that end with a final event, and conversations that continue on the runner where they
    /// began.
    @Suite struct ResponsesTests {
        private typealias Engine = ScriptedEngine

        private static func ask(_ previous: String? = nil, stream: Bool = false) -> String {
            "{\"model\":\"m\",\"input\":\"hi\""
                + (previous.map { ",\"previous_response_id\":\"\($0)\"" } ?? "") + (stream ? ",\"stream\":true}" : "}")
        }

        private static func event(_ type: String, _ id: String) -> String {
            "event: \(type)\ndata: {\"type\":\"\(type)\",\"response\":{\"id\":\"\(id)\",\"model\":\"m\"}}\n\n"
        }

        /// An engine that puts its name into its response ids, and knows only its own.
        private static func engine(_ name: String, mayEnd: Watched<Bool> = Watched(true)) -> Engine.Script {
            { request, wire in
                let id = "resp_\(name)_\(request["x-request-id"] ?? "")"
                if request.body.contains("previous_response_id"), !request.body.contains("resp_\(name)_") {
                    let error = "{\"error\":{\"message\":\"no such response\",\"type\":\"x\",\"code\":null}}"
                    return try await wire.send(Engine.document(error, status: "404 Not Found"))
                }
                guard request.body.contains("\"stream\":true") else {
                    return try await wire.send(Engine.document("{\"id\":\"\(id)\",\"model\":\"m\"}"))
                }
                let delta = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n"
                try await wire.send(Engine.streamHead)
                for event in [event("response.created", id), delta, event("response.completed", id)] {
                    try await wire.send(Engine.chunk(event))
                }
                _ = try await mayEnd.value { $0 }
                try await wire.send(Engine.lastChunk)
            }
        }

        @Test func aConversationGoesOnWhereItBegan() async throws {
            try await withEngines(
                [Self.engine("r1"), Self.engine("r2"), Self.engine("r3")],
                settings: { $0.routing.policy = .roundRobin }
            ) { gateway, engines in
                var last: (id: String, runner: String)?
                for number in 0..<12 {
                    let stream = number % 2 == 1
                    let response = try await gateway.send(
                        Self.ask(last?.id, stream: stream), "POST", "/v1/responses",
                        fields: ["X-Request-Id: n\(number)"])
                    #expect(response.status == 200, "\(response.text)")
                    let runner = try #require(response["x-simpleai-runner"])
                    #expect(runner == last?.runner ?? runner)
                    last = ("resp_\(runner)_n\(number)", runner)
                }
                let served = engines.map { $0.counts.value.requests.count }
                #expect(served.sorted() == [0, 0, 12], "another runner was asked: \(served)")
                let others = try await gateway.send(Self.ask(), "POST", "/v1/responses")
                #expect(others["x-simpleai-runner"] != last?.runner, "new ones go where settings say")
                try await gateway.settled()
            }
        }

        /// A client may continue as soon as it has read the final event; the engine may still hold the connection
        /// open.
        @Test func theIdIsKnownBeforeTheStreamIsOver() async throws {
            let mayEnd = Watched(false)
            try await withEngines([Self.engine("r1", mayEnd: mayEnd), Self.engine("r2", mayEnd: mayEnd)]) {
                gateway, engines in
                let wire = try await gateway.connect()
                try await wire.send(
                    gateway.request(
                        Self.ask(stream: true), "POST", "/v1/responses", fields: ["X-Request-Id: a"]))
                let first = try await wire.peek { $0.text.contains("response.completed") }
                let runner = try #require(first["x-simpleai-runner"])
                let next = try await gateway.send(Self.ask("resp_\(runner)_a"), "POST", "/v1/responses")
                #expect(next.status == 200 && next["x-simpleai-runner"] == runner)
                mayEnd.update { $0 = true }
                let whole = try await wire.response()
                #expect(whole.endedCleanly && !whole.text.contains("error"))
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func anUnknownResponseReturns404() async throws {
            try await withEngine(Self.engine("r1")) { gateway, engine in
                let mine = try gateway.token(user: "alice")
                let made = try await gateway.send(
                    Self.ask().replacing("\"m\"", with: "\"class:fast\""), "POST", "/v1/responses", token: mine,
                    fields: ["X-Request-Id: 1"])
                #expect(made.status == 200)
                // An invented id, and another caller's.
                for (id, user) in [("resp_nobody", "alice"), ("resp_r1_1", "mallory")] {
                    let response = try await gateway.send(
                        Self.ask(id).replacing("\"m\"", with: "\"class:fast\""), "POST", "/v1/responses",
                        token: gateway.token(user: user))
                    #expect(response.status == 404)
                    let error = try response.error()
                    #expect(error.code == "not_found" && error.param == "previous_response_id")
                    #expect(error.type == "invalid_request_error")
                }
                #expect(engine.counts.value.requests.count == 1, "nothing of that reaches an engine")
                let again = try await gateway.send(
                    Self.ask("resp_r1_1").replacing("\"m\"", with: "\"class:fast\""), "POST", "/v1/responses",
                    token: mine)
                #expect(again.status == 200)
                try await gateway.settled()
            }
        }

        /// Engines choose the ids of their responses, and two engines, or one that restarts its numbering, can choose
        /// the same.
        @Test func anIDThatASecondEngineRepeatsHidesNoConversation() async throws {
            let repeating: Engine.Script = { _, wire in
                try await wire.send(Engine.document("{\"id\":\"resp_1\",\"model\":\"m\"}"))
            }
            try await withEngines([repeating, repeating], settings: { $0.routing.policy = .roundRobin }) {
                gateway, engines in
                var runners: [String] = []
                for user in ["alice", "bob"] {
                    let token = try gateway.token(["model:specific"], user: user)
                    let made = try await gateway.send(Self.ask(), "POST", "/v1/responses", token: token)
                    runners.append(try #require(made["x-simpleai-runner"]))
                }
                #expect(Set(runners).count == 2, "the two conversations began on the same engine")
                for _ in 0..<3 {
                    for (user, runner) in zip(["alice", "bob"], runners) {
                        let token = try gateway.token(["model:specific"], user: user)
                        let next = try await gateway.send(Self.ask("resp_1"), "POST", "/v1/responses", token: token)
                        #expect(next.status == 200 && next["x-simpleai-runner"] == runner, "\(user): \(next.text)")
                    }
                }
                try await gateway.settled()
            }
        }

        /// The engine was restarted and has lost its stored responses.
        @Test func aResponseUnknownToItsRunnerReturns404() async throws {
            let forgets = Watched(false)
            try await withEngines(
                Array(
                    repeating: { request, wire in
                        if forgets.value, request.body.contains("previous_response_id") {
                            return try await wire.send(Engine.document("{\"detail\":\"x\"}", status: "404 Not Found"))
                        }
                        try await wire.send(Engine.document("{\"id\":\"resp_1\",\"model\":\"m\"}"))
                    }, count: 2)
            ) { gateway, engines in
                #expect(try await gateway.send(Self.ask(), "POST", "/v1/responses").status == 200)
                #expect(try await gateway.send(Self.ask("resp_1"), "POST", "/v1/responses").status == 200)
                forgets.update { $0 = true }
                let response = try await gateway.send(Self.ask("resp_1"), "POST", "/v1/responses")
                #expect(response.status == 404)
                #expect(try response.error().param == "previous_response_id")
                #expect(engines.map { $0.counts.value.requests.count }.sorted() == [0, 3], "no other engine is asked")
                try await gateway.settled()
            }
        }

        @Test(arguments: ["response.completed", "response.incomplete", "response.failed"])
        func aStreamIsCompleteWithItsClosingEvent(_ type: String) async throws {
            let closes = Watched(true)
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(Self.event("response.created", "r")))
                if closes.value { try await wire.send(Engine.chunk(Self.event(type, "r"))) }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let whole = try await gateway.send(Self.ask(stream: true), "POST", "/v1/responses")
                #expect(whole.endedCleanly)
                #expect(whole.text == Self.event("response.created", "r") + Self.event(type, "r"))
                closes.update { $0 = false }
                let cut = try await gateway.send(Self.ask(stream: true), "POST", "/v1/responses")
                #expect(cut.events.last?.hasPrefix("data: {\"error\":{") == true, "\(cut.text)")
            }
        }

        @Test func theModelIsRestoredInEveryEvent() async throws {
            let engine = try await ScriptedEngine(models: ["local:q4"]) { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    return try await wire.send(Engine.document("{\"id\":\"r\",\"model\":\"local:q4\"}"))
                }
                try await wire.send(Engine.streamHead)
                for type in ["response.created", "response.in_progress", "response.completed"] {
                    try await wire.send(
                        Engine.chunk(Self.event(type, "r").replacing("\"m\"", with: "\"local:q4\"")))
                }
                try await wire.send(Engine.lastChunk)
            }
            try await running([engine]) {
                let runner = Settings.StaticRunner.at(engine.port) { $0.aliases = ["m": "local:q4"] }
                try await RunningGateway.with([runner]) { gateway in
                    let document = try await gateway.send(Self.ask(), "POST", "/v1/responses")
                    #expect(document.text == "{\"id\":\"r\",\"model\":\"m\"}")
                    let stream = try await gateway.send(Self.ask(stream: true), "POST", "/v1/responses")
                    let types = ["response.created", "response.in_progress", "response.completed"]
                    #expect(stream.text == types.map { Self.event($0, "r") }.joined())
                    #expect(engine.counts.value.requests.allSatisfy { $0.body.contains("\"model\":\"local:q4\"") })
                }
            }
        }
    }
}
