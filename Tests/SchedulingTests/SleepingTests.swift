import SimpleAICore
import Testing

@testable import Scheduling

/// Machines that are put to sleep.
@Suite struct SleepingTests {
    private let sleepy = RunnerReport(models: [.init(engineID: "m")], slots: 2, isSleepable: true)

    private func bench(checks: Bool = false, wakes: Bool = true, _ report: RunnerReport? = nil) -> Bench {
        var bench = Bench {
            $0.sleepAfter = .seconds(600)
            $0.sleepGracePeriod = .seconds(20)
            $0.checksAfterSleep = checks
        }
        bench.joined(Runner(id: "a", canBeWoken: wakes), [])
        bench.reported("a", report ?? sleepy)
        bench.forgetEffects()
        return bench
    }

    @Test func putsAnUnusedMachineToSleep() throws {
        var bench = bench()
        bench.pass(.seconds(599))
        // Neither a report nor a listing is activity.
        bench.reported("a", sleepy)
        #expect(bench.sleeps().isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().map(\.runner) == ["a"])
        #expect(bench.state("a") == .asleep)
    }

    @Test func callsResetTheIdleTimeAndLeasesPauseIt() throws {
        var bench = bench()
        bench.pass(.seconds(500))
        let lease = try bench.lease(["m"])
        bench.pass(.seconds(7200))
        #expect(bench.sleeps().isEmpty)
        bench.release(lease)
        bench.pass(.seconds(599))
        #expect(bench.state("a") == .ready)
        bench.pass(.seconds(1))
        #expect(bench.state("a") == .asleep)
    }

    @Test func onlyMachinesThatCanSleepAndWakeArePutToSleep() {
        var unable = bench(.having("m"))
        var unwakeable = bench(wakes: false)
        var never = Bench()
        never.joined(Runner(id: "a", canBeWoken: true), [])
        never.reported("a", sleepy)
        for _ in 0..<3 {
            unable.pass(.seconds(3600))
            unwakeable.pass(.seconds(3600))
            never.pass(.seconds(3600))
        }
        #expect(unable.sleeps().isEmpty && unwakeable.sleeps().isEmpty && never.sleeps().isEmpty)
    }

    @Test func aCallWakesAMachineThatIsFallingAsleep() throws {
        var bench = bench()
        bench.pass(.seconds(600))
        bench.pass(.seconds(1))
        let waiter = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes() == ["a"])
        // Its agent continues to report until the machine is off: that does not mean "awake".
        bench.reported("a", sleepy)
        #expect(!bench.hasOutcome(waiter))
        bench.disconnected("a")
        #expect(bench.state("a") == .waking)
        bench.pass(.seconds(9))
        bench.joined(Runner(id: "a", canBeWoken: true), [])
        bench.reported("a", sleepy)
        #expect(bench.lease(of: waiter)?.waited == .seconds(9))
    }

    @Test func theConnectionMaySurviveAShortSleep() throws {
        var bench = bench()
        bench.pass(.seconds(600))
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(20))
        bench.reported("a", sleepy)
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func aMachineThatRefusesToSleepKeepsServing() throws {
        var bench = bench()
        bench.pass(.seconds(600))
        let first = try #require(bench.sleeps().first)
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.answeredCommand("a", first.request, failure: "no permission")
        #expect(bench.lease(of: waiter) != nil)
        #expect(bench.effects.contains(.sleepFailed("a", reason: "no permission")))
        // That was not a boot, so no boot time is recorded.
        #expect(bench.status("a")?.bootTime.mean == nil)
        bench.release(try #require(bench.lease(of: waiter)))
        bench.pass(.seconds(599))
        #expect(bench.sleeps().count == 1)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().count == 2)
        // A response to an earlier command changes nothing.
        bench.answeredCommand("a", first.request, failure: "late")
        #expect(bench.state("a") == .asleep)
    }

    @Test func aCompletedSleepCommandLeavesItAsleep() throws {
        var bench = bench()
        bench.pass(.seconds(600))
        bench.answeredCommand("a", try #require(bench.sleeps().first).request)
        bench.disconnected("a")
        bench.pass(.seconds(3600))
        #expect(bench.state("a") == .asleep)
        #expect(bench.sleeps().count == 1)
    }

    /// The agent is disconnected while its command runs: the outcome is known when it reconnects, or the time is up.
    @Test func theOutcomeIsUnknownUntilTheAgentReconnectsOrTimesOut() throws {
        var slept = bench()
        slept.pass(.seconds(600))
        slept.answeredCommand("a", try #require(slept.sleeps().first).request)
        slept.disconnected("a")
        #expect(slept.status("a")?.isFallingAsleep == true)
        var failed = slept
        slept.pass(.seconds(20))
        #expect(slept.status("a")?.isFallingAsleep == false)
        #expect(slept.state("a") == .asleep && slept.status("a")?.sleepProblem == nil)

        failed.pass(.seconds(1))
        failed.connected("a")
        #expect(failed.status("a")?.isFallingAsleep == false)
        var report = sleepy
        failed.reported("a", report)
        report.sleepProblem = "exit code 1"
        for _ in 0..<2 { failed.reported("a", report) }
        #expect(failed.state("a") == .ready && failed.status("a")?.sleepProblem == "exit code 1")
        #expect(failed.effects.filter { $0 == .sleepFailed("a", reason: "exit code 1") }.count == 1)
        // Extensions are agreed on after the first report of a connection, so a missing problem in it means nothing.
        failed.reported("a", sleepy)
        #expect(failed.status("a")?.sleepProblem == "exit code 1")
    }

    @Test func aLostConnectionIsNotARefusal() throws {
        var bench = bench()
        bench.pass(.seconds(600))
        bench.disconnected("a")
        bench.answeredCommand("a", try #require(bench.sleeps().first).request, failure: "the connection is closed")
        #expect(bench.state("a") == .asleep && bench.status("a")?.sleepProblem == nil)
    }

    // MARK: Returning from sleep

    @Test func aCheckPrecedesCallsAfterASleep() throws {
        var bench = bench(checks: true)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(8))
        bench.connected("a")
        bench.reported("a", sleepy)
        let check = try #require(bench.checks().first)
        #expect(check.model == "m")
        #expect(bench.state("a") == .waking)
        #expect(!bench.hasOutcome(waiter))
        // Reports during the check cause no second one.
        bench.reported("a", sleepy)
        #expect(bench.checks().count == 1)
        bench.pass(.seconds(1))
        bench.checked("a", check.request)
        #expect(bench.lease(of: waiter)?.waited == .seconds(9))
        #expect(bench.status("a")?.bootTime.mean == .seconds(9))
        // Once is enough.
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", sleepy)
        #expect(bench.checks().count == 1)
    }

    @Test func aFailedCheckMarksTheRunnerDownAndIsRepeated() throws {
        var bench = bench(checks: true)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        bench.connected("a")
        // No call waits: the machine woke without one.
        bench.reported("a", sleepy)
        #expect(bench.state("a") == .checking)
        let waiter = try bench.waiter(["m"], forMachine: false)
        bench.checked("a", try #require(bench.checks().last).request, failure: "answered 500")
        #expect(bench.state("a") == .down)
        #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
        #expect(bench.effects.contains(.checkFailed("a", reason: "answered 500")))
        bench.pass(.milliseconds(1999))
        #expect(bench.checks().count == 1)
        bench.pass(.milliseconds(1))
        #expect(bench.checks().count == 2)
        bench.checked("a", try #require(bench.checks().last).request, failure: "answered 500")
        bench.pass(.seconds(4))
        bench.checked("a", try #require(bench.checks().last).request)
        #expect(bench.state("a") == .ready)
        _ = try bench.lease(["m"])
    }

    @Test func aWakeWhoseCheckNeverPassesFails() throws {
        var bench = bench(checks: true)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        let waiter = try bench.waiter(["m"])
        bench.connected("a")
        bench.reported("a", sleepy)
        for _ in 0..<90 {
            if let check = bench.checks().last { bench.checked("a", check.request, failure: "no answer") }
            bench.pass(.seconds(1))
        }
        #expect(bench.rejection(of: waiter)?.code == .wakeTimeout)
    }

    @Test func aMachineWhoseGPUIsMissingGetsNoCalls() throws {
        var withGPU = sleepy
        withGPU.hasGPU = true
        var without = sleepy
        without.hasGPU = false
        var bench = bench(checks: true, withGPU)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", without)
        #expect(bench.state("a") == .down)
        #expect(bench.checks().isEmpty)
        bench.reported("a", withGPU)
        bench.checked("a", try #require(bench.checks().last).request)
        #expect(bench.state("a") == .ready)
        // An awake machine is not checked: reloading a driver is left to the engine.
        bench.reported("a", without)
        #expect(bench.state("a") == .ready)
    }

    @Test func withoutALoadedModelThereIsNoCheck() throws {
        var bench = bench(checks: true)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", RunnerReport(models: [.init(engineID: "m", isLoaded: false)]))
        #expect(bench.state("a") == .ready)
    }

    @Test func ignoresTheCheckOfAnEarlierConnection() throws {
        var bench = bench(checks: true)
        bench.pass(.seconds(600))
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", sleepy)
        let old = try #require(bench.checks().last)
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", sleepy)
        bench.checked("a", old.request)
        #expect(bench.state("a") == .checking)
    }
}
