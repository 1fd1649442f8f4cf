import Testing

@testable import SimpleAICore

@Suite struct FailedAttemptsTests {
    private let start = ContinuousClock.now

    @Test func aFullAllowanceMayBeSpentInOneBurst() {
        var attempts = FailedAttempts(perMinute: 60)
        for _ in 0..<60 { #expect(attempts.failed(from: .v4(1), at: start) == nil) }
        #expect(attempts.failed(from: .v4(1), at: start) == .seconds(1))
        // Further attempts do not extend the delay.
        for _ in 0..<1_000 { #expect(attempts.failed(from: .v4(1), at: start) == .seconds(1)) }
        #expect(attempts.failed(from: .v4(1), at: start + .seconds(1)) == nil)
        #expect(attempts.failed(from: .v4(1), at: start + .seconds(1)) == .seconds(1))
        // After a minute all attempts are forgotten.
        for _ in 0..<60 { #expect(attempts.failed(from: .v4(1), at: start + .seconds(62)) == nil) }
    }

    @Test func everyAddressHasItsOwnAllowance() {
        var attempts = FailedAttempts(perMinute: 1)
        #expect(attempts.failed(from: .v4(1), at: start) == nil)
        #expect(attempts.failed(from: .v4(1), at: start) != nil)
        for other in [Peer.v4(2), .v6(1), .local] { #expect(attempts.failed(from: other, at: start) == nil) }
    }

    @Test func zeroMeansNoLimit() {
        var attempts = FailedAttempts(perMinute: 0)
        for _ in 0..<10_000 { #expect(attempts.failed(from: .v4(1), at: start) == nil) }
        #expect(attempts.count == 0)
    }

    /// However many addresses a client has, the table keeps its size, and a thousand other addresses do not displace
    /// one entry.
    @Test func manyAddressesDoNotGrowTheTable() {
        var attempts = FailedAttempts(perMinute: 2)
        for round in 0..<100 {
            let now = start + .seconds(60) * round
            for _ in 0..<2 { #expect(attempts.failed(from: .v4(.max), at: now) == nil) }
            for number in 0..<1_000 {
                #expect(attempts.failed(from: .v6(UInt64(round * 1_000 + number)), at: now) == nil)
            }
            #expect(attempts.failed(from: .v4(.max), at: now) != nil)
            #expect(attempts.count <= FailedAttempts.capacity)
        }
    }

    @Test func anExhaustedAllowanceRevealsNothing() throws {
        let throttle = AuthenticationThrottle(perMinute: 2, metrics: AdmissionMetrics())
        let address = try #require(IPAddress("192.0.2.1"))
        let invalid = TokenRejection.invalid(reason: "r")
        for _ in 0..<2 { #expect(throttle.refusal(invalid, from: address).code == .invalidAPIKey) }
        // Failures that the sender did not cause cost nothing.
        for _ in 0..<10 {
            let error = throttle.refusal(.keysUnavailable(retryAfter: .seconds(1)), from: address)
            #expect(error.code == .keysUnavailable)
            // An expired token costs nothing either: its sender has to learn that it needs another.
            #expect(throttle.refusal(.expired(reason: "r"), from: address).code == .invalidAPIKey)
        }
        let refused = throttle.refusal(invalid, from: address)
        #expect(refused.code == .rateLimitExceeded)
        #expect(refused.cause == "r")
        guard case .after(let wait) = refused.retry else {
            Issue.record("no time to wait")
            return
        }
        #expect(wait > .zero && wait <= .seconds(30))
    }
}
