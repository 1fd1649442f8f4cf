import Testing

@testable import Acceptance

struct ClockAccuracyTests {
    /// A client whose every timestamp is a tenth of a second late is not trusted.
    @Test func aSlowClientIsNotTrusted() async throws {
        let trust = try await ClockAccuracy.measured(delay: .milliseconds(100))
        #expect(!trust.isTrusted)
        #expect(try #require(trust.error) >= .milliseconds(100))
        #expect(trust.summary.hasSuffix("too coarse for millisecond measurements"))
        #expect(throws: Finding.self) { try trust.requireAccuracy() }
    }

    /// Two rounds of ten streams, each with a head, six tokens and an end.
    @Test func everyMomentOfEveryStreamCounts() async throws {
        let trust = try await ClockAccuracy.measured()
        #expect(trust.moments == 2 * 10 * (1 + 6 + 1))
        // The size of the error depends on the machine that runs the tests; any measured error is enough.
        #expect(try #require(trust.error) >= .zero)
    }

    /// The metronome follows its schedule: head, first token and end are never earlier than stated.
    @Test func theBeatIsPlayed() async throws {
        let slow = TimedEngine.SendSchedule(gap: .milliseconds(60), tokens: 3)
        let exchange = try await TimedEngine.running(slow) { metronome in
            let client = try APIClient(
                deployment: try DeploymentAddress("http://127.0.0.1:\(metronome.port)"), verifiesCertificates: true)
            return try await client.send(
                APIRequest(method: "GET", path: "/", credential: .none, wantsStream: true), timeout: .seconds(10))
        }
        let completion = try Completion(exchange)
        #expect(completion.content == "tick tick tick ")
        // Never early: a timer does not fire before its time.
        #expect(try #require(exchange.timeToFirstByte) >= .milliseconds(19))
        #expect(try #require(exchange.timeToFirstToken) >= .milliseconds(49))
        #expect(exchange.done - (try #require(exchange.sent)) >= .milliseconds(169))
        #expect(exchange.longestGap != nil)
        #expect(exchange.handshakeTime == nil)
    }

    /// A coarse clock withholds verdicts about milliseconds, a very coarse one those about the wake, too; checks
    /// without a clock are decided.
    @Test(arguments: [(Duration.milliseconds(40), true), (.milliseconds(400), false)])
    func whatCannotBeMeasuredIsNotReported(error: Duration, wakeIsTimed: Bool) async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.pollInterval = .milliseconds(100)
        bench.options.wakeOnLAN.grades = true
        bench.options.workloadRouting.analyzesTiming = true
        bench.options.clock = ClockAccuracy(error: error, moments: 160)
        let report = try await bench.run([.wakeOnLAN, .workloadRouting])
        #expect(report["wol.wake.time"]?.verdict == .pass)
        #expect(report["wol.wake.time"]?.summary.contains("first token") == wakeIsTimed)
        #expect(report["wol.timing.grade"]?.verdict == (wakeIsTimed ? .pass : .inconclusive))
        #expect(report["wol.warm.answered"]?.verdict == .pass)
        #expect(report["wol.warm.answered"]?.summary.contains("first byte") == false)
        for id in ["response", "phases", "queueing", "parallel"] {
            let result = try #require(report["workload-routing.timing.\(id)"])
            #expect(result.verdict == .inconclusive, "\(id): \(result.summary)")
            #expect(result.summary.hasSuffix("too coarse for millisecond measurements"))
        }
        #expect(report.conclusion == .passed, "\(report.outline)")
        #expect(JSONReport(report).text.contains("\"clockError\" : \(error.inSeconds)"))
    }

    @Test func aTrustedClockLetsChecksPass() throws {
        let trust = ClockAccuracy(error: .milliseconds(5), moments: 160)
        #expect(trust.isTrusted)
        try trust.requireAccuracy()
        #expect(trust.summary == "measured times are accurate to ±5.0 ms (p95 of 160 events whose time is known)")
        let coarse = ClockAccuracy(error: .milliseconds(6), moments: 160)
        #expect(!coarse.isTrusted && coarse.isAccurate(to: .milliseconds(250)))
        #expect(!ClockAccuracy(error: nil, moments: 0).isAccurate(to: .seconds(60)))
        #expect(
            ClockAccuracy(error: nil, moments: 0, problem: "no port").summary
                == "measured times are unreliable: no port")
    }
}
