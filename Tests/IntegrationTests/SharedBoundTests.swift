import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// One client cannot use up a resource that all clients share.
    @Suite struct SharedBoundTests {
        private typealias Engine = ScriptedEngine

        private static func refusals(_ bound: String) -> String {
            "simpleai_limit_rejections_total{limit=\"\(bound)\"}"
        }

        /// Sends the beginning of a body that does not end, and the length that it states.
        private func beginBody(
            _ gateway: RunningGateway, _ path: String, bytes: Int, user: String, from source: String? = nil
        ) async throws -> Wire {
            let wire = try await gateway.connect(from: source)
            let token = try gateway.token(["model:specific", "admin"], user: user)
            let beginning = "{\"messages\":[{\"role\":\"user\",\"content\":\""
            try await wire.send(
                "POST \(path) HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer \(token)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: \(bytes + 10_000)\r\n\r\n"
                    + beginning + String(repeating: "x", count: max(0, bytes - beginning.utf8.count)))
            return wire
        }

        // MARK: Limits

        @Test(arguments: ["/v1/route", "/admin/api/keys"])
        func everyBodyThatIsReadIsOneOfItsCallersCalls(_ path: String) async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.limits.caller.concurrentCalls = 1 }) {
                (gateway, _) async throws in
                let wire = try await beginBody(gateway, path, bytes: 100, user: "greedy")
                let greedy = try gateway.token(["model:specific", "admin"], user: "greedy")
                // The first call has begun when a second one is refused.
                while try await gateway.send("{\"messages\":[]}", "POST", "/v1/route", token: greedy).status != 429 {
                    try Task.checkCancellation()
                }
                #expect(try await gateway.send(RunningGateway.chat(), token: greedy).status == 429)
                #expect(try await gateway.send("{}", "POST", "/admin/api/keys", token: greedy).status == 429)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200, "another caller")
                #expect(try await gateway.get("/v1/models", token: greedy).status == 200, "reading is no call")
                await wire.close()
                while try await gateway.send(RunningGateway.chat(), token: greedy).status != 200 {
                    try Task.checkCancellation()
                }
                try await gateway.settled()
            }
        }

        @Test func askingWhereACallWouldGoCountsPerMinute() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.limits.caller.requestsPerMinute = 2 }) {
                (gateway, _) async throws in
                #expect(try await gateway.send(RunningGateway.chat(), "POST", "/v1/route").status == 200)
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                let refused = try await gateway.send(RunningGateway.chat(), "POST", "/v1/route")
                #expect(refused.status == 429 && refused["retry-after"] != nil)
                #expect(try refused.error().code == "rate_limit_exceeded")
            }
        }

        // MARK: Memory

        @Test(arguments: ["/v1/route", "/v1/chat/completions"])
        func aGreedyCallerLeavesMemoryToOthers(_ path: String) async throws {
            try await withEngine(
                Engine.wellBehaved,
                settings: {
                    $0.server.maxBuffered = .mebibytes(4)
                    $0.server.maxBody = .kibibytes(512)
                }
            ) { (gateway, _) async throws in
                var wires: [Wire] = []
                for _ in 0..<17 { wires.append(try await beginBody(gateway, path, bytes: 400 << 10, user: "greedy")) }
                let full = try await gateway.metrics { ($0[Self.refusals("memory")] ?? 0) >= 1 }
                #expect(try #require(full["simpleai_buffered_bytes"]) <= Double(3 << 20))
                let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 400 << 10))\",")
                #expect(try await gateway.send(body).status == 200, "another caller, of the same address")
                for wire in wires { await wire.close() }
                try await gateway.settled()
            }
        }

        @Test func anExhaustedShareIsReported() async throws {
            try await withEngine(
                Engine.wellBehaved,
                settings: {
                    $0.server.maxBuffered = .mebibytes(1)
                    $0.server.maxBody = .kibibytes(32)
                }
            ) { (gateway, _) async throws in
                var wires: [Wire] = []
                for _ in 0..<40 {
                    wires.append(try await beginBody(gateway, "/v1/chat/completions", bytes: 15 << 10, user: "greedy"))
                }
                _ = try await gateway.metrics { ($0[Self.refusals("memory")] ?? 0) >= 1 }
                let more = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 30 << 10))\",")
                let refused = try await gateway.send(more, token: try gateway.token(["model:specific"], user: "greedy"))
                #expect(refused.status == 429)
                #expect(try refused.error().code == "rate_limit_exceeded")
                #expect(refused["retry-after"] == "5")
                for wire in wires { await wire.close() }
                try await gateway.settled()
            }
        }

        @Test(arguments: ["/v1/route", "/v1/chat/completions"])
        func aBodyThatDoesNotArriveGetsATimeoutResponse(_ path: String) async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.idleTimeout = .seconds(1) }) {
                (gateway, _) async throws in
                let wire = try await beginBody(gateway, path, bytes: 3_000, user: "slow")
                let response = try await wire.response()
                #expect(response.status == 408)
                #expect(try response.error().code == "request_timeout")
                try await wire.isLeft()
                try await gateway.settled()
            }
        }

        // MARK: The control plane

        @Test func requestsToTheControlPlaneAreSharedOutByAddress() async throws {
            try await withEngine(Engine.wellBehaved) { (gateway, _) async throws in
                var wires: [Wire] = []
                for _ in 0..<140 {
                    wires.append(
                        try await beginBody(gateway, "/v1/route", bytes: 100, user: "greedy", from: "127.0.0.2"))
                }
                _ = try await gateway.metrics { $0[Self.refusals("control")] == 12 }
                #expect(try await gateway.get("/v1/models").status == 200, "from another address")
                for wire in wires { await wire.close() }
                try await gateway.settled()
            }
        }

        // MARK: Connections

        @Test func idleConnectionsOfOneAddressMakeRoom() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.maxConnections = 60 }) {
                (gateway, _) async throws in
                var idle: [Wire] = []
                for _ in 0..<130 { idle.append(try await gateway.connect(from: "127.0.0.2")) }
                let metrics = try await gateway.metrics { ($0["simpleai_connections_evicted_total"] ?? 0) >= 90 }
                #expect(try #require(metrics["simpleai_connections_open"]) <= 31)
                for _ in 0..<5 { #expect(try await gateway.send(RunningGateway.chat()).status == 200) }
                // The address that opens them is served as well, as long as it has a request.
                let latest = try #require(idle.last)
                try await latest.send(gateway.request(RunningGateway.chat()))
                #expect(try await latest.response().status == 200)
                for wire in idle { await wire.close() }
            }
        }

        @Test func connectionsWithCallsUnderWayStay() async throws {
            let mayEnd = Watched(false)
            try await withEngine { request, wire in
                _ = try await mayEnd.value { $0 }
                try await Engine.wellBehaved(request, wire)
            } runner: {
                $0.slots = 20
            } settings: {
                $0.server.maxConnections = 40
            } _: { (gateway, engine) async throws in
                var calls: [Wire] = []
                for _ in 0..<10 {
                    let wire = try await gateway.connect(from: "127.0.0.2")
                    try await wire.send(gateway.request(RunningGateway.chat()))
                    calls.append(wire)
                }
                _ = try await engine.counts.value { $0.requests.count == 10 }
                var idle: [Wire] = []
                for _ in 0..<60 { idle.append(try await gateway.connect(from: "127.0.0.2")) }
                _ = try await gateway.metrics { ($0["simpleai_connections_evicted_total"] ?? 0) >= 40 }
                mayEnd.update { $0 = true }
                for wire in calls { #expect(try await wire.response().status == 200) }
                for wire in calls + idle { await wire.close() }
            }
        }
    }
}
