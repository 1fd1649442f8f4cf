import Testing

@testable import Acceptance

/// One wake for all calls, judged by the record of a cold start.
struct SingleFlightTests {
    private let zero = ContinuousClock.now

    /// A call that was sent `at` seconds after the first and got its first token after four seconds.
    private func call(at: Double = 0, wake: String?, token: Double = 4) -> Exchange {
        var exchange = Exchange(
            request: APIRequest(method: "POST", path: "/", credential: .none), started: zero + .seconds(at))
        exchange.status = 200
        exchange.sent = zero + .seconds(at)
        exchange.done = zero + .seconds(token)
        exchange.headers = [("x-simpleai-wake", wake.map { "2100; wake=\($0)" } ?? "none")]
        exchange.body = Array(
            #"{"model":"m","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#.utf8)
        return exchange
    }

    private func cold(
        _ calls: [Exchange], packets: [Double] = [], machine: (Int) -> String = { _ in "a" },
        polls: [(Double, TargetState)] = [(1, .waking), (3, .ready)]
    ) -> ColdStart {
        ColdStart(
            target: "class:big", before: .asleep, sent: zero, calls: calls.map { .success($0) },
            polls: polls.map { .init(at: zero + .seconds($0), took: .milliseconds(10), state: $1, problem: nil) },
            packets: packets.enumerated().map { .init(at: zero + .seconds($1), machine: machine($0)) },
            listened: !packets.isEmpty)
    }

    private func calls(_ wakes: String?...) -> [Exchange] { wakes.map { call(wake: $0) } }

    @Test func everyHeldCallNamesTheOneWake() {
        #expect(cold(calls("w1", "w1", "w1")).singleFlight.verdict == .pass)
        #expect(cold(calls("w1", "w2", "w1")).singleFlight.verdict == .fail)
        let some = cold(calls("w1", nil, "w1")).singleFlight
        #expect(some.verdict == .fail)
        #expect(some.summary.contains("1 of 3 calls that waited name no wake"), "\(some.summary)")
        #expect(some.evidence != nil)
    }

    /// Its failure is reported by `wol.calls.answered`; it may never have been placed on the machine.
    @Test func aStreamThatEndedInAnErrorNeedNotNameTheWake() {
        var failed = call(wake: nil)
        failed.headers = [("content-type", "text/event-stream")]
        failed.body = Array(": waiting\n\ndata: {\"error\":{\"message\":\"x\",\"code\":\"queue_full\"}}\n\n".utf8)
        let cold = cold([call(wake: "w1"), call(wake: "w1"), failed])
        #expect(cold.singleFlight.verdict == .pass, "\(cold.singleFlight.summary)")
        #expect(cold.waitingResponses.count == 2)
    }

    @Test func theAdviceForATargetThatDidNotSleepFollowsItsState() {
        func advice(_ state: TargetState, _ hasSleepCommand: Bool) -> String {
            ColdStart.notAsleep("x", in: state, hasSleepCommand: hasSleepCommand)
        }
        #expect(advice(.ready, false).contains("set --sleep-command CMD"))
        #expect(advice(.ready, true).contains("--sleep-command was run"))
        #expect(advice(.down, true).contains("its engine does not respond"))
    }

    @Test func callsAfterTheWakeNeedNotHaveWaited() {
        let late = [call(wake: "w1"), call(wake: "w1"), call(at: 2, wake: nil)]
        #expect(cold(late).singleFlight.verdict == .pass)
        #expect(cold(late).waitingResponses.count == 2)
    }

    /// Copies of one packet count as one; a packet for each of ten calls does not, at once or in sequence.
    @Test(
        arguments: [
            ([0, 1, 3, 7, 15], true), ([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], true), ([0, 0.2, 0.4, 1, 1.2, 1.4], true),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false), ([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], false),
            ([0, 0, 0, 0, 0, 0], false),
        ] as [([Double], Bool)]) func packetsOfOneSchedule(packets: [Double], isOne: Bool)
    {
        let ten = Array(repeating: call(wake: nil), count: 10)
        let finding = cold(ten, packets: packets).singleFlight
        #expect(finding.verdict == (isOne ? .pass : .fail), "\(finding.summary)")
        // Independent of the number of calls.
        let hundred = Array(repeating: call(wake: nil), count: 100)
        #expect(cold(hundred, packets: packets).singleFlight.verdict == finding.verdict)
    }

    @Test func eachMachineHasAScheduleOfItsOwn() {
        let packets = Array(repeating: 0.0, count: 8)
        let ten = Array(repeating: call(wake: nil), count: 10)
        #expect(cold(ten, packets: packets) { "\($0 % 2)" }.singleFlight.verdict == .pass)
    }

    @Test func aWakeEndsWhenTheListShowsItOrACallIsServed() {
        #expect(cold(calls("w1"), polls: [(1, .waking), (3, .ready)]).wakeTime == .seconds(3))
        #expect(cold(calls("w1"), polls: [(1, .waking), (6, .ready)]).wakeTime == .seconds(4))
        #expect(cold(calls("w1"), polls: [(1, .absent)]).wakeTime == .seconds(4))
    }

    /// Levels of --timing.
    @Test(arguments: [
        (29.9, Verdict.pass, "fast"), (30, .pass, "moderate"), (60, .pass, "moderate"), (60.1, .fail, "slow"),
    ]) func grades(seconds: Double, verdict: Verdict, word: String) {
        let finding = WakeOnLANTest.grade(.seconds(seconds))
        #expect(finding.verdict == verdict)
        #expect(finding.summary.hasPrefix(word))
    }
}
