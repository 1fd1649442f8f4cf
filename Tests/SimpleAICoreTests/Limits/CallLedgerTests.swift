import Testing

@testable import SimpleAICore

@Suite struct CallLedgerTests {
    private typealias Ledger = CallLedger<String>
    private let start = ContinuousClock.now

    /// Checks the limits and, if they allow it, begins a call.
    private func call(
        _ ledger: inout Ledger, as key: String = "a", _ limits: CallLimits, after time: Duration = .zero
    ) -> LimitUsage.Refusal? {
        let standing = ledger.usage(of: key, under: limits, at: start + time)
        if standing.refusal == nil { ledger.begin(key, under: limits, at: start + time) }
        return standing.refusal
    }

    @Test func aFullAllowanceMayBeSpentInOneBurst() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(requestsPerMinute: 7)
        for _ in 0..<7 { #expect(call(&ledger, limits) == nil) }
        // 60 s / 7, rounded up to the millisecond.
        let wait = Duration.milliseconds(8572)
        #expect(call(&ledger, limits) == .requestsPerMinute(retryAfter: wait))
        #expect(
            call(&ledger, limits, after: wait - .milliseconds(1)) == .requestsPerMinute(retryAfter: .milliseconds(1)))
        #expect(call(&ledger, limits, after: wait) == nil)
        #expect(call(&ledger, limits, after: wait) != nil)
        for _ in 0..<7 { #expect(call(&ledger, limits, after: wait + .seconds(60)) == nil) }
        #expect(call(&ledger, limits, after: wait + .seconds(60)) != nil)
    }

    /// Refused requests do not delay the next allowed one.
    @Test func refusedRequestsAreNotCounted() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(requestsPerMinute: 60)
        for _ in 0..<60 { #expect(call(&ledger, limits) == nil) }
        for microseconds in 1..<1_000 {
            #expect(call(&ledger, limits, after: .microseconds(microseconds * 1_000 - 1)) != nil)
        }
        #expect(call(&ledger, limits, after: .seconds(1)) == nil)
    }

    /// For every limit, a caller that waits for the stated time is served, and one that waits less is not.
    @Test(arguments: [1, 2, 3, 7, 59, 60, 61, 999, 60_000, 1_000_000])
    func reportedLimitsAreExact(limit: Int) {
        let limits = CallLimits(requestsPerMinute: limit)
        var ledger = Ledger(start: start)
        var now = Duration.zero
        var refusals = 0
        for _ in 0..<(limit + 50) {
            guard let refusal = call(&ledger, limits, after: now) else { continue }
            guard let wait = refusal.retryAfter else { return }
            refusals += 1
            #expect(call(&ledger, limits, after: now + wait - .milliseconds(1)) != nil)
            now += wait
            #expect(call(&ledger, limits, after: now) == nil)
        }
        #expect(refusals > 0)
    }

    @Test func tokensAreCountedWhenACallEnds() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(tokensPerDay: 1_000)
        for _ in 0..<3 { #expect(call(&ledger, limits) == nil) }
        ledger.end("a", under: limits, tokens: 999, at: start)
        #expect(call(&ledger, limits) == nil)
        ledger.end("a", under: limits, tokens: 2, at: start)
        // One token is restored every 86.4 s: the one that is owed, and one to spend.
        #expect(call(&ledger, limits) == .tokensPerDay(retryAfter: .milliseconds(2 * 86_400)))
        let standing = ledger.usage(of: "a", under: limits, at: start)
        #expect(standing.tokens?.limit == 1_000 && standing.tokens?.remaining == 0)
        #expect(standing.tokens?.reset == .milliseconds(1_001 * 86_400))
        #expect(call(&ledger, limits, after: .milliseconds(2 * 86_400)) == nil)
    }

    /// An engine that miscounts cannot lock a caller out permanently.
    @Test(arguments: [2_000, 1 << 40, Int.max])
    func waitsOneDayAtMost(tokens: Int) {
        for limit in [1, 1_000, Allowance.maxUnits] where tokens / 2 >= limit {
            var ledger = Ledger(start: start)
            let limits = CallLimits(tokensPerDay: limit)
            ledger.end("a", under: limits, tokens: tokens, at: start)
            ledger.end("a", under: limits, tokens: tokens, at: start)
            let standing = ledger.usage(of: "a", under: limits, at: start)
            #expect(standing.tokens?.reset == .seconds(2 * 86_400))
            #expect(ledger.usage(of: "a", under: limits, at: start + .seconds(2 * 86_400)).refusal == nil)
        }
    }

    @Test func openCallsAreCountedUntilTheyEnd() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(concurrentCalls: 2)
        #expect(call(&ledger, limits) == nil)
        #expect(call(&ledger, limits) == nil)
        #expect(call(&ledger, limits) == .concurrentCalls)
        #expect(call(&ledger, as: "b", limits) == nil)
        ledger.end("a", under: limits, tokens: 0, at: start)
        #expect(call(&ledger, limits) == nil)
        #expect(call(&ledger, limits, after: .seconds(86_400)) == .concurrentCalls)
        for _ in 0..<2 { ledger.end("a", under: limits, tokens: 5, at: start) }
        ledger.end("b", under: limits, tokens: 5, at: start)
        // Callers without a balance take no memory.
        #expect(ledger.count == (0, 0))
    }

    @Test func reportsTheLongestWait() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(requestsPerMinute: 1, concurrentCalls: 1, tokensPerDay: 86_400)
        #expect(call(&ledger, limits) == nil)
        #expect(call(&ledger, limits) == .requestsPerMinute(retryAfter: .seconds(60)))
        ledger.end("a", under: limits, tokens: 86_400 + 99, at: start)
        #expect(call(&ledger, limits) == .tokensPerDay(retryAfter: .seconds(100)))
        #expect(call(&ledger, limits, after: .seconds(100)) == nil)
    }

    @Test func reportsTheRemainingAllowance() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(requestsPerMinute: 60, tokensPerDay: 86_400)
        let before = ledger.usage(of: "a", under: limits, at: start)
        #expect(before.requests?.remaining == 60 && before.requests?.reset == .zero)
        let standing = ledger.begin("a", under: limits, at: start)
        #expect(standing.requests?.limit == 60 && standing.requests?.remaining == 59)
        #expect(standing.requests?.reset == .seconds(1))
        #expect(standing.tokens?.remaining == 86_400 && standing.tokens?.reset == .zero)
        #expect(ledger.begin("a", under: .init(requestsPerMinute: 60), at: start).tokens == nil)
        #expect(ledger.begin("a", under: .init(tokensPerDay: 60), at: start).requests == nil)
    }

    /// After a reload usage is kept, and counts against the new allowance.
    @Test func aChangeOfLimitsKeepsTheUsage() {
        var ledger = Ledger(start: start)
        for _ in 0..<10 { #expect(call(&ledger, .init(requestsPerMinute: 10)) == nil) }
        #expect(call(&ledger, .init(requestsPerMinute: 10)) != nil)
        let more = CallLimits(requestsPerMinute: 15)
        #expect(ledger.usage(of: "a", under: more, at: start).requests?.remaining == 5)
        for _ in 0..<5 { #expect(call(&ledger, more) == nil) }
        #expect(call(&ledger, more) == .requestsPerMinute(retryAfter: .seconds(4)))
        #expect(call(&ledger, .init(requestsPerMinute: 1)) != nil)
        #expect(call(&ledger, .none) == nil)
    }

    /// However many keys there are, the ledger keeps its size, and half as many other keys do not displace one.
    @Test func manyKeysDoNotGrowTheLedger() {
        var ledger = CallLedger<Int>(capacity: 100, start: start)
        let limits = CallLimits(requestsPerMinute: 2, concurrentCalls: 9)
        for round in 0..<50 {
            let now = start + .seconds(60 * round)
            for _ in 0..<2 {
                #expect(ledger.usage(of: -1, under: limits, at: now).refusal == nil)
                ledger.begin(-1, under: limits, at: now)
                ledger.end(-1, under: limits, tokens: 0, at: now)
            }
            for number in 0..<49 {
                ledger.begin(round * 49 + number, under: limits, at: now)
                ledger.end(round * 49 + number, under: limits, tokens: 0, at: now)
            }
            #expect(ledger.usage(of: -1, under: limits, at: now).refusal != nil)
            #expect(ledger.count.accounts <= 100 && ledger.count.open == 0)
        }
    }

    /// An open call counts even after its caller's account was forgotten.
    @Test func openCallsOutliveTheirAccounts() {
        var ledger = CallLedger<Int>(capacity: 10, start: start)
        let limits = CallLimits(requestsPerMinute: 60, concurrentCalls: 1)
        ledger.begin(-1, under: limits, at: start)
        for number in 0..<100 {
            ledger.begin(number, under: limits, at: start)
            ledger.end(number, under: limits, tokens: 0, at: start)
        }
        #expect(ledger.usage(of: -1, under: limits, at: start).requests?.remaining == 60)
        #expect(ledger.usage(of: -1, under: limits, at: start).refusal == .concurrentCalls)
        ledger.end(-1, under: limits, tokens: 0, at: start)
        #expect(ledger.usage(of: -1, under: limits, at: start).refusal == nil)
    }

    /// A clock that stops or goes backwards changes nothing.
    @Test func timeNeverGoesBack() {
        var ledger = Ledger(start: start)
        let limits = CallLimits(requestsPerMinute: 1)
        #expect(call(&ledger, limits, after: .seconds(30)) == nil)
        #expect(call(&ledger, limits, after: .zero) == .requestsPerMinute(retryAfter: .seconds(60)))
        #expect(call(&ledger, limits, after: .seconds(90)) == nil)
    }
}
