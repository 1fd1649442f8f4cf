import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Callers behind a proxy, and callers that claim to be.
    @Suite struct ProxyTests {
        private static func limited(_ settings: inout Settings) {
            settings.server.trustedProxies = ["127.0.0.0/8"].compactMap { IPNetwork($0) }
            settings.limits.address.requestsPerMinute = 1
        }

        private static func call(_ gateway: RunningGateway, _ fields: String...) async throws -> Int {
            try await gateway.send(RunningGateway.chat(), fields: fields).status
        }

        @Test func everyClientOfAProxyHasItsOwnLimits() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.limited) { (gateway, _) async throws in
                #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.1") == 200)
                #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.1") == 429)
                #expect(try await Self.call(gateway, "Forwarded: for=203.0.113.1") == 429)
                #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.2") == 200)
                #expect(try await Self.call(gateway, "Forwarded: for=\"203.0.113.2:80\"") == 429)
                // Addresses that such a client states itself stand further left.
                for made in ["198.51.100.1", "127.0.0.1", "unknown", "\"", ""] {
                    #expect(try await Self.call(gateway, "X-Forwarded-For: \(made), 203.0.113.2") == 429)
                }
                let made = ["X-Forwarded-For: 198.51.100.2", "X-Forwarded-For: 203.0.113.2"]
                #expect(try await gateway.send(RunningGateway.chat(), fields: made).status == 429)
                // One header that the proxy writes, and one that it passes on: neither is trusted, and the calls
                // count for the proxy's address.
                #expect(
                    try await Self.call(gateway, "X-Forwarded-For: 203.0.113.2", "Forwarded: for=198.51.100.3") == 200)
                #expect(
                    try await Self.call(gateway, "X-Forwarded-For: 203.0.113.2", "Forwarded: for=198.51.100.4") == 429)
            }
        }

        @Test func headersOfUntrustedPeersAreIgnored() async throws {
            try await withEngine(
                ScriptedEngine.wellBehaved,
                settings: {
                    Self.limited(&$0)
                    $0.server.trustedProxies = ["10.0.0.0/8"].compactMap { IPNetwork($0) }
                }
            ) { (gateway, _) async throws in
                #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.1") == 200)
                for number in 2...9 {
                    #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.\(number)") == 429)
                    #expect(try await Self.call(gateway, "Forwarded: for=203.0.113.\(number)") == 429)
                }
                try gateway.reload { $0.server.trustedProxies = ["127.0.0.0/8"].compactMap { IPNetwork($0) } }
                #expect(try await Self.call(gateway, "X-Forwarded-For: 203.0.113.1") == 200)
            }
        }

        /// Failed attempts behind a proxy slow down only the client that made them.
        @Test func failedAttemptsCountForTheClient() async throws {
            try await withEngine(
                ScriptedEngine.wellBehaved,
                settings: {
                    $0.server.trustedProxies = ["127.0.0.0/8"].compactMap { IPNetwork($0) }
                    $0.auth.failedAttemptsPerMinute = 1
                }
            ) { (gateway, _) async throws in
                let places = [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin")]
                for (number, (method, path)) in places.enumerated() {
                    for status in [401, 429] {
                        let response = try await gateway.send(
                            RunningGateway.chat(), method, path, token: "bad",
                            fields: ["X-Forwarded-For: 203.0.113.\(number)"])
                        #expect(response.status == status, "\(path)")
                    }
                }
            }
        }

        /// Behind a proxy on this machine every client has this machine's address, whether the proxy is trusted or
        /// not.
        @Test func metricsAreRefusedToProxiedClients() async throws {
            for trusts in [true, false] {
                try await withEngine(
                    ScriptedEngine.wellBehaved, settings: { if trusts { Self.limited(&$0) } }
                ) { (gateway, _) async throws in
                    for field in [
                        "X-Forwarded-For: 203.0.113.1", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: unknown",
                        "Forwarded: for=127.0.0.1",
                    ] {
                        #expect(try await gateway.get("/metrics", token: "", fields: [field]).status == 403, "\(field)")
                    }
                    #expect(try await gateway.get("/metrics", token: "").status == 200)
                }
            }
        }
    }
}
