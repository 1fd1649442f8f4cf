import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// A client that sends one bad token after the other, and another client behind the same address.
    @Suite struct ThrottleTests {
        @Test func badTokensAreSlowedDownAndGoodOnesPass() async throws {
            try await withEngine(
                ScriptedEngine.wellBehaved, settings: { $0.auth.failedAttemptsPerMinute = 6 }
            ) { gateway, engine in
                let remembered = try gateway.token(["admin"])
                #expect(try await gateway.send(RunningGateway.chat(), token: remembered).status == 200)
                let places = [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin")]
                for (method, path) in places + places {
                    #expect(try await gateway.send(RunningGateway.chat(), method, path, token: "bad").status == 401)
                }
                // One attempt is restored every ten seconds; a few more are enough on any computer.
                var isThrottled: Set<String> = []
                while isThrottled.count < places.count {
                    for (method, path) in places {
                        let response = try await gateway.send(RunningGateway.chat(), method, path, token: "bad")
                        guard response.status != 401 else { continue }
                        #expect(response.status == 429)
                        #expect(try response.error().code == "rate_limit_exceeded")
                        #expect(try response.error().type == "rate_limit_error")
                        #expect((1...60).contains(try #require(response["retry-after"].flatMap { Int($0) })))
                        #expect(response["www-authenticate"] == nil)
                        isThrottled.insert(path)
                    }
                }
                for token in [remembered, try gateway.token(["admin"]), try gateway.token(["admin"], user: "new")] {
                    for (method, path) in places {
                        let response = try await gateway.send(RunningGateway.chat(), method, path, token: token)
                        #expect(response.status == 200)
                    }
                }
                // A request without credentials does not count as a failed attempt.
                #expect(try await gateway.send(RunningGateway.chat(), token: "").status == 401)
                #expect(engine.counts.value.requests.count == 4)
                let page = try await gateway.metrics { _ in true }
                #expect(page["simpleai_authentication_failures_total{result=\"refused\"}"] ?? 0 >= 6)
                #expect(page["simpleai_authentication_failures_total{result=\"throttled\"}"] ?? 0 >= 3)
            }
        }
    }
}
