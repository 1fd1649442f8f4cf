import SimpleAICore
import Testing

@testable import Scheduling

/// Machines that are woken together, and wakes that fail before their deadline.
@Suite struct SpeculativeWakeTests {
    private func asleep(_ runners: Runner..., configure: (inout SchedulerState.Configuration) -> Void = { _ in })
        -> Bench
    {
        var bench = Bench(runners, configure: configure)
        for runner in runners { bench.unreachable(runner.id, times: 3) }
        bench.forgetEffects()
        return bench
    }

    @Test func theFirstReadyMachineServes() throws {
        var bench = asleep(
            .serving("a", "m", type: "gpu", wakes: true), .serving("b", "m", type: "gpu", wakes: true),
            .serving("c", "m", wakes: true), .serving("d", "n", type: "gpu", wakes: true))
        let waiter = try bench.waiter(["m"], prefer: ["gpu"], forMachine: true, together: ["gpu"])
        // Only the machines that could serve it.
        #expect(bench.wakes() == ["a", "b"])
        bench.pass(.seconds(9))
        bench.answered("b")
        let lease = try #require(bench.lease(of: waiter))
        #expect(lease.runner == "b")
        // It reports the wake of the machine that served it.
        let wake = try #require(lease.wake)
        #expect(bench.effects.contains(.wakeEnded("b", wake, after: .seconds(9), succeeded: true)))
        // The other machine boots anyway, without further packets.
        #expect(bench.state("a") == .waking)
        let sent = bench.packets().count
        bench.pass(.seconds(60))
        #expect(bench.packets().count == sent)
    }

    @Test func namesAreIdsOrMachineTypes() throws {
        var bench = asleep(
            .serving("a", "m", wakes: true), .serving("b", "m", wakes: true), .serving("c", "m", wakes: true))
        _ = try bench.waiter(["m"], together: ["c", "absent"])
        #expect(bench.wakes() == ["a", "c"])
    }

    @Test func allOfThemGetPackets() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        _ = try bench.waiter(["m"], together: ["b"])
        bench.pass(.seconds(1))
        let sent = bench.effects.compactMap { effect -> RunnerID? in
            if case .sendPacket(let runner, _, _, _) = effect { runner } else { nil }
        }
        #expect(sent.sorted() == ["a", "a", "b", "b"])
    }

    @Test func aFailedWakeLeavesTheOthersInProgress() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        let waiter = try bench.waiter(["m"], together: ["b"])
        for _ in 0..<3 { bench.attempted("a", failure: "no route") }
        #expect(bench.state("a") == .wakeFailed)
        #expect(!bench.hasOutcome(waiter))
        bench.answered("b")
        #expect(bench.lease(of: waiter)?.runner == "b")
    }

    @Test func aCallerWithoutTheRoleWakesNoMachine() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        _ = try bench.waiter(["m"])
        _ = try bench.waiter(["m"], mayWake: false, forMachine: true, together: ["b"])
        #expect(bench.wakes() == ["a"])
    }

    @Test func aWakeFailsEarlyIfNothingCouldBeSent() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        let waiter = try bench.waiter(["m"])
        bench.attempted("a", failure: "not permitted")
        bench.attempted("a", failure: "not permitted")
        #expect(!bench.hasOutcome(waiter))
        bench.attempted("a", failure: "not permitted")
        let error = try #require(bench.rejection(of: waiter))
        #expect(error.code == .wakeFailed)
        #expect(error.retry == .after(.seconds(30)))
        #expect(error.cause?.contains("not permitted") == true)
        // The backoff is the same as after any failed wake.
        #expect(try bench.refusal(["m"]).code == .wakeFailed)
        bench.pass(.seconds(30))
        _ = try bench.waiter(["m"], forMachine: true)
    }

    @Test func aWakeContinuesOnceAnAttemptWasSent() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        let waiter = try bench.waiter(["m"])
        bench.attempted("a")
        for _ in 0..<9 { bench.attempted("a", failure: "no route") }
        #expect(bench.state("a") == .waking)
        bench.answered("a")
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func ignoresAttemptsOfAnotherWake() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        _ = try bench.waiter(["m"])
        for _ in 0..<3 { bench.stale("a", failure: "no route") }
        #expect(bench.state("a") == .waking)
    }
}

@Suite struct BootTimeTests {
    @Test func theMeanFollowsAndTheWorstOfTheLastTwentyIsKept() {
        var time = BootTime()
        #expect(time.mean == nil && time.worst == nil)
        time.learn(.seconds(100))
        #expect(time.mean == .seconds(100))
        for _ in 0..<19 { time.learn(.seconds(20)) }
        #expect(time.worst == .seconds(100))
        time.learn(.seconds(20))
        #expect(time.worst == .seconds(20))
        #expect(time.recent.count == 20)
        #expect(time.mean.map { $0 > .seconds(20) && $0 < .seconds(21) } == true)
        // An older state file has only the mean.
        #expect(BootTime(mean: .seconds(7)).worst == .seconds(7))
    }
}
