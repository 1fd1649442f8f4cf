import SimpleAICore
import Testing

@testable import Settings

@Suite struct LimitSettingsTests {
    @Test func everyKeyReachesItsProperty() throws {
        let read = try settings(
            """
            server:
              trusted_proxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7]
              cors: { origins: ["https://Chat.example.com", "http://localhost:3000"] }
            limits:
              caller: { requests_per_minute: 60, concurrent_calls: 4, tokens_per_day: 1000000 }
              address: { requests_per_minute: 600 }
            """)
        #expect(read.server.trustedProxies.map(\.description) == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])
        #expect(read.server.corsOrigins == ["https://chat.example.com", "http://localhost:3000"])
        #expect(
            read.limits.caller
                == CallLimits(requestsPerMinute: 60, concurrentCalls: 4, tokensPerDay: 1_000_000))
        #expect(read.limits.address == CallLimits(requestsPerMinute: 600))
    }

    @Test(arguments: [
        "app://obsidian.md", "chrome-extension://abcdef", "tauri://localhost", "capacitor://localhost:8100",
    ])
    func originsMayHaveApplicationSchemes(origin: String) throws {
        #expect(try settings("server: { cors: { origins: [\"\(origin)\"] } }\n").server.corsOrigins == [origin])
    }

    @Test func limitsAndTrustedProxiesAreOffByDefault() throws {
        let read = try settings("limits: {}\n")
        #expect(read.limits == Settings.Limits() && read.limits.caller == .none && read.limits.address == .none)
        #expect(read.server.trustedProxies.isEmpty && read.server.corsOrigins.isEmpty)
    }

    @Test(arguments: ["0.0.0.0/0", "::/0"])
    func trustingEveryProxyWarns(network: String) throws {
        let text = minimal + "server: { trusted_proxies: [\"\(network)\"] }"
        #expect(try warnings(text).contains { $0.hasPrefix("s.yaml:2: server.trusted_proxies: trusts every client") })
    }
}
