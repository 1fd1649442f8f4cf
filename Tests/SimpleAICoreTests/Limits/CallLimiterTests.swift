import SimpleAICore
import Synchronization
import Testing

@testable import SimpleAICore

@Suite struct CallLimiterTests {
    /// A clock that stands still until a test advances it.
    private final class Clock: Sendable {
        private let time = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func advance(by duration: Duration) { time.withLock { $0 += duration } }
    }

    private let clock = Clock()
    private let limiter: CallLimiter

    init() {
        let clock = clock
        limiter = CallLimiter { clock.now }
    }

    private func caller(_ subject: String, issuer: String = "i") -> Caller {
        Caller(subject: SubjectID(subject), issuer: IssuerID(issuer), roles: [], privileges: [])
    }

    private func begin(
        _ subject: String, issuer: String = "i", from address: String = "192.0.2.1", _ rules: LimitRules
    ) throws -> (admission: CallLimiter.Admission?, error: GatewayError?, standing: LimitUsage?) {
        let client: IPAddress = try #require(IPAddress(address))
        return switch limiter.begin(caller(subject, issuer: issuer), from: client, under: rules) {
        case nil: (nil, nil, nil)
        case .admitted(let admission, let standing): (admission, nil, standing)
        case .refused(let error, let standing): (nil, error, standing)
        }
    }

    @Test func canonicallyEquivalentCallersHaveSeparateLimits() throws {
        let rules = LimitRules(caller: .init(requestsPerMinute: 1, concurrentCalls: 1))
        #expect(try begin("Kevin", rules).error == nil)
        #expect(try begin("\u{212A}evin", rules).error == nil)
        #expect(try begin("Kevin", rules).error?.code == .rateLimitExceeded)
        #expect(try begin("a", issuer: "https://\u{212A}", rules).error == nil)
        #expect(try begin("a", issuer: "https://K", rules).error == nil)
    }

    @Test func theRefusalStatesTheLimitAndWhenToRetry() throws {
        let perMinute = LimitRules(caller: .init(requestsPerMinute: 60))
        for _ in 0..<60 { #expect(try begin("m", perMinute).error == nil) }
        let minute = try #require(try begin("m", perMinute).error)
        #expect(minute.message == "Rate limit exceeded: your limit is 60 calls per minute. Retry in 1s.")
        #expect(minute.headers().contains { $0 == ("Retry-After", "1") })

        let atOnce = LimitRules(address: .init(concurrentCalls: 1))
        #expect(try begin("c", atOnce).error == nil)
        #expect(
            try begin("c", atOnce).error?.message
                == "Rate limit exceeded: your address's limit is 1 call at the same time. Retry when one has completed."
        )

        let perDay = LimitRules(caller: .init(tokensPerDay: 24))
        limiter.end(try #require(try begin("d", perDay).admission), tokens: 26)
        let message = try #require(try begin("d", perDay).error).message
        #expect(
            message.hasPrefix("Rate limit exceeded: your limit is 24 tokens per day. Retry in ")
                && message.contains("h"))
    }

    @Test func callersAndAddressesHaveSeparateLimits() throws {
        let rules = LimitRules(caller: .init(requestsPerMinute: 2), address: .init(requestsPerMinute: 3))
        #expect(try begin("a", rules).error == nil)
        #expect(try begin("a", rules).error == nil)
        #expect(try begin("a", rules).error?.cause == "requests_per_minute of the caller")
        // A call that was refused for one of them does not count for the other.
        #expect(try begin("b", rules).error == nil)
        #expect(try begin("b", rules).error?.cause == "requests_per_minute of the address")
        #expect(try begin("b", from: "192.0.2.2", rules).error == nil)
        // The same subject of another issuer is another caller.
        #expect(try begin("a", issuer: "other", from: "192.0.2.2", rules).error == nil)
    }

    @Test func waitingForRetryAfterIsServed() throws {
        let rules = LimitRules(caller: .init(requestsPerMinute: 1), address: .init(requestsPerMinute: 2))
        for subject in ["a", "b"] { #expect(try begin(subject, rules).error == nil) }
        // The address would have one after 30 seconds.
        let error = try #require(try begin("a", rules).error)
        #expect(error.code == .rateLimitExceeded && error.retry == .notBefore(.seconds(60)))
        #expect(error.headers().map(\.value) == ["60"])
        clock.advance(by: .milliseconds(29_999))
        #expect(try begin("c", rules).error?.retry == .notBefore(.milliseconds(1)))
        clock.advance(by: .milliseconds(1))
        #expect(try begin("c", rules).error == nil)
        clock.advance(by: .seconds(30))
        #expect(try begin("a", rules).error == nil)
    }

    @Test func waitsOfHoursAreReportedExactly() throws {
        let rules = LimitRules(caller: .init(tokensPerDay: 24))
        let admission = try #require(try begin("a", rules).admission)
        limiter.end(admission, tokens: 24 + 4)
        let error = try #require(try begin("a", rules).error)
        #expect(error.headers().map(\.value) == ["\(5 * 3600)"])
        clock.advance(by: .seconds(5 * 3600))
        #expect(try begin("a", rules).error == nil)
    }

    @Test func endedCallsFreeTheLimit() throws {
        let rules = LimitRules(caller: .init(concurrentCalls: 1), address: .init(concurrentCalls: 2))
        let first = try #require(try begin("a", rules).admission)
        #expect(try begin("a", rules).error?.cause == "concurrent_calls of the caller")
        #expect(try begin("a", rules).error?.retry == .after(.seconds(1)))
        #expect(try begin("b", rules).error == nil)
        #expect(try begin("c", rules).error?.cause == "concurrent_calls of the address")
        limiter.end(first, tokens: 1_000_000)
        #expect(try begin("c", rules).error == nil)
        #expect(try begin("a", rules).error?.cause == "concurrent_calls of the address")
    }

    /// A call ends under the limits that it began with, so that it returns exactly what it took, even after a reload.
    @Test func aReloadKeepsTheCount() throws {
        let before = LimitRules(caller: .init(requestsPerMinute: 3, concurrentCalls: 1))
        let first = try #require(try begin("a", before).admission)
        let after = LimitRules(caller: .init(requestsPerMinute: 2, concurrentCalls: 1))
        #expect(try begin("a", after).error?.cause == "concurrent_calls of the caller")
        #expect(try begin("b", LimitRules()).admission == nil)
        limiter.end(first, tokens: 0)
        #expect(try begin("a", after).error == nil)
        #expect(try begin("a", after).error?.cause == "requests_per_minute of the caller")
    }

    @Test func headersStateTheNarrowerLimit() throws {
        let rules = LimitRules(
            caller: .init(requestsPerMinute: 60, tokensPerDay: 86_400),
            address: .init(requestsPerMinute: 10, tokensPerDay: 1_000_000))
        let standing = try #require(try begin("a", rules).standing)
        #expect(
            standing.headers.map { "\($0.name): \($0.value)" } == [
                "x-ratelimit-limit-requests: 10", "x-ratelimit-remaining-requests: 9",
                "x-ratelimit-reset-requests: 6s", "x-ratelimit-limit-tokens: 86400",
                "x-ratelimit-remaining-tokens: 86400", "x-ratelimit-reset-tokens: 0s",
            ])
        #expect(try begin("a", LimitRules()).standing == nil)
        let calls = try begin("a", LimitRules(caller: .init(concurrentCalls: 5))).standing
        #expect(calls?.headers.isEmpty == true)
    }

    @Test(arguments: [
        (0, "0s"), (1, "1ms"), (999, "999ms"), (1_000, "1s"), (1_001, "2s"), (59_001, "1m0s"), (360_000, "6m0s"),
        (3_600_000, "1h0m0s"), (86_399_999, "24h0m0s"),
    ])
    func timesUseTheNotationOfClients(milliseconds: Int, written: String) {
        #expect(LimitUsage.written(.milliseconds(milliseconds)) == written)
    }
}
