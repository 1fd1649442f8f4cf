import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Callers and addresses that exceed their limits, against a live gateway.
    @Suite struct LimitTests {
        private typealias Engine = ScriptedEngine

        /// Ten tokens per call: 3 prompt tokens, 7 completion tokens.
        private static let tenTokens: Engine.Script = { request, wire in
            guard request.body.contains("\"stream\":true") else {
                let usage = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":7},"
                return try await wire.send(
                    Engine.document("{" + usage + Engine.completion().dropFirst()))
            }
            try await wire.send(Engine.streamHead)
            for event in Engine.events(tokens: 7, usage: true) { try await wire.send(Engine.chunk(event)) }
            try await wire.send(Engine.lastChunk)
        }

        private static func expectLimited(_ response: Response, retryAfter: ClosedRange<Int>) throws {
            #expect(response.status == 429)
            #expect(try response.error().code == "rate_limit_exceeded")
            #expect(try response.error().type == "rate_limit_error")
            #expect(retryAfter.contains(try #require(response["retry-after"].flatMap { Int($0) })))
            #expect(response["x-request-id"] != nil)
        }

        @Test(arguments: [false, true])
        func callsPerMinute(stream: Bool) async throws {
            try await withEngine(
                Engine.wellBehaved, settings: { $0.limits.caller.requestsPerMinute = 1 }
            ) { (gateway, engine) async throws in
                let body = RunningGateway.chat(stream: stream)
                let first = try await gateway.send(body)
                #expect(first.status == 200)
                #expect(first["x-ratelimit-limit-requests"] == "1")
                #expect(first["x-ratelimit-remaining-requests"] == "0")
                #expect(first["x-ratelimit-reset-requests"] == "1m0s")
                #expect(first["x-ratelimit-limit-tokens"] == nil)
                let second = try await gateway.send(body)
                try Self.expectLimited(second, retryAfter: 1...60)
                #expect(second["x-ratelimit-remaining-requests"] == "0")
                // The same subject with another token, and another subject.
                try Self.expectLimited(try await gateway.send(body, roles: ["admin"]), retryAfter: 1...60)
                let other = try gateway.token(["model:specific"], user: "other")
                #expect(try await gateway.send(body, token: other).status == 200)
                #expect(engine.counts.value.requests.count == 2)
                // Reading the model list is not a call.
                for _ in 0..<3 { #expect(try await gateway.get("/v1/models").status == 200) }
            }
        }

        @Test func withoutLimitsNoLimitHeadersAreSent() async throws {
            try await withEngine({ _, wire in
                let fields = "x-ratelimit-limit-requests: 5\r\nX-RateLimit-Remaining-Tokens: 7\r\n"
                try await wire.send(Engine.document(Engine.completion(), fields: fields))
            }) { (gateway, _) async throws in
                for _ in 0..<20 {
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                    // The engine's rate-limit fields are about the gateway as its client.
                    #expect(response.fields.allSatisfy { !$0.name.lowercased().hasPrefix("x-ratelimit") })
                }
            }
        }

        @Test func callsAtTheSameTime() async throws {
            let mayEnd = Watched(false)
            try await withEngine { request, wire in
                _ = try await mayEnd.value { $0 }
                try await Engine.wellBehaved(request, wire)
            } settings: {
                $0.limits.caller.concurrentCalls = 2
            } _: { (gateway, engine) async throws in
                var open: [Wire] = []
                for _ in 0..<2 {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat()))
                    open.append(wire)
                }
                _ = try await engine.counts.value { $0.requests.count == 2 }
                try Self.expectLimited(try await gateway.send(RunningGateway.chat()), retryAfter: 1...1)
                // A client that disconnects frees a place as well.
                await open.removeLast().close()
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                mayEnd.update { $0 = true }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(try await open[0].response().status == 200)
                await open[0].close()
            }
        }

        @Test(arguments: [false, true])
        func tokensPerDay(stream: Bool) async throws {
            try await withEngine(
                Self.tenTokens, settings: { $0.limits.caller.tokensPerDay = 15 }
            ) { (gateway, _) async throws in
                for remaining in [15, 5] {
                    let response = try await gateway.send(RunningGateway.chat(stream: stream))
                    #expect(response.status == 200)
                    #expect(response["x-ratelimit-limit-tokens"] == "15")
                    #expect(response["x-ratelimit-remaining-tokens"] == "\(remaining)")
                    try await gateway.settled()
                }
                // Five above the limit and one to begin with, 5760 s each, less the time that this test takes.
                let refused = try await gateway.send(RunningGateway.chat(stream: stream))
                try Self.expectLimited(refused, retryAfter: (6 * 5760 - 60)...(6 * 5760))
                #expect(refused["x-ratelimit-remaining-tokens"] == "0")
            }
        }

        /// A client that disconnects before the engine reports usage is still charged.
        @Test func tokensOfStreamsThatAreLeft() async throws {
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.streamHead)
                    for event in Engine.events(tokens: 7).prefix(7) { try await wire.send(Engine.chunk(event)) }
                    try await wire.isLeft()
                    throw Engine.ClientLeft()
                }, settings: { $0.limits.caller.tokensPerDay = 5 }
            ) { (gateway, _) async throws in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                try await wire.read(until: "t6")
                await wire.close()
                try await gateway.settled()
                let refused = try await gateway.send(RunningGateway.chat(stream: true))
                try Self.expectLimited(refused, retryAfter: (3 * 17_280 - 60)...(3 * 17_280))
            }
        }

        @Test func anAddressHasLimitsForAllOfItsCallers() async throws {
            try await withEngine(
                Engine.wellBehaved, settings: { $0.limits.address.requestsPerMinute = 1 }
            ) { (gateway, _) async throws in
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                let other = try gateway.token(["model:specific"], user: "other")
                try Self.expectLimited(try await gateway.send(RunningGateway.chat(), token: other), retryAfter: 1...60)
            }
        }

        @Test func unauthenticatedClientsUseNoAllowance() async throws {
            try await withEngine(
                Engine.wellBehaved,
                settings: {
                    $0.limits.caller.requestsPerMinute = 1
                    $0.limits.address.requestsPerMinute = 1
                }
            ) { (gateway, _) async throws in
                for token in ["", "bad", "bad"] {
                    #expect(try await gateway.send(RunningGateway.chat(), token: token).status == 401)
                }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
            }
        }

        @Test func policiesSayOtherwiseForTheirRoles() async throws {
            try await withEngine(
                Engine.wellBehaved,
                settings: {
                    $0.limits.caller.requestsPerMinute = 1
                    $0.policies = [
                        AccessGrant(roles: nil, classes: ["*"]),
                        AccessGrant(roles: ["batch"], classes: ["*"], limits: .init(requestsPerMinute: 0)),
                    ]
                }
            ) { (gateway, _) async throws in
                let batch = try gateway.token(["batch"], user: "batch")
                for _ in 0..<5 {
                    #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: batch).status == 200)
                }
                let basic = try gateway.token([], user: "basic")
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: basic).status == 200)
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: basic).status == 429)
            }
        }

        @Test func aReloadChangesLimitsAndKeepsTheCount() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.limits.caller.requestsPerMinute = 1 }) {
                (gateway, _) async throws in
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(try await gateway.send(RunningGateway.chat()).status == 429)
                try gateway.reload { $0.limits.caller.requestsPerMinute = 2 }
                let third = try await gateway.send(RunningGateway.chat())
                #expect(third.status == 200)
                #expect(third["x-ratelimit-limit-requests"] == "2" && third["x-ratelimit-remaining-requests"] == "0")
                try gateway.reload { $0.limits.caller = .none }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
            }
        }

        /// A refusal before the body is read closes its connection, like every such refusal, and has no other cost.
        @Test func bodiesOfRefusedCallsAreNotRead() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.limits.caller.requestsPerMinute = 1 }) {
                (gateway, engine) async throws in
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                let wire = try await gateway.connect()
                let token = try gateway.token(["model:specific"])
                try await wire.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer \(token)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
                let response = try await wire.response()
                try Self.expectLimited(response, retryAfter: 1...60)
                #expect(response["connection"]?.lowercased() == "close")
                await wire.close()
                #expect(engine.counts.value.requests.count == 1)
                try await gateway.settled()
            }
        }
    }
}
