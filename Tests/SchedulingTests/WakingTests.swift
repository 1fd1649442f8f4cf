import SimpleAICore
import Testing

@testable import Scheduling

/// Sleeping machines.
@Suite struct WakingTests {
    private func asleep(
        _ runners: Runner..., configure: (inout SchedulerState.Configuration) -> Void = { _ in }
    ) -> Bench {
        var bench = Bench(runners, configure: configure)
        for runner in runners { bench.unreachable(runner.id, times: 3) }
        bench.forgetEffects()
        return bench
    }

    /// Wakes a machine within `boot` and puts it to sleep again, so that its boot time is known.
    private func teach(_ bench: inout Bench, _ runner: RunnerID, _ model: ModelID, boot: Duration) throws {
        let waiter = try bench.waiter([model], forMachine: true)
        bench.pass(boot)
        bench.answered(runner)
        bench.release(try #require(bench.lease(of: waiter)))
        bench.unreachable(runner, times: 3)
        bench.forgetEffects()
    }

    @Test func oneWakeHoweverManyWait() throws {
        var bench = asleep(.serving("a", "m", slots: 8, wakes: true))
        let waiters = try (0..<5).map { _ in try bench.waiter(["m"], forMachine: true) }
        #expect(bench.wakes() == ["a"])
        #expect(bench.state("a") == .waking)
        bench.pass(.seconds(20))
        bench.answered("a")
        #expect(bench.grants().map(\.waiter) == waiters)
        let leases = bench.grants().map(\.lease)
        #expect(Set(leases.map(\.wake)).count == 1)
        #expect(leases.allSatisfy { $0.wake != nil && $0.waited == .seconds(20) })
        #expect(bench.wakes() == ["a"])
        #expect(bench.timer.map { $0 > bench.now } ?? true)
    }

    /// A call whose request is still arriving has no place in the queue.
    @Test func theWakeMayStartBeforeTheCallIsPlaced() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        for mayWake in [false, true, true] {
            bench.prepare(["m"], mayWake: mayWake)
            #expect(bench.wakes() == (mayWake ? ["a"] : []))
        }
        #expect(bench.state.queue.count == 0)
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(20))
        bench.answered("a")
        let lease = try #require(bench.lease(of: waiter))
        #expect(bench.wakes() == ["a"] && lease.wake != nil)
        bench.release(lease)
        bench.prepare(["m"])
        #expect(bench.wakes() == ["a"], "a runner is ready")
    }

    @Test func packetsFollowTheSchedule() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeTimeout = .seconds(50) }
        _ = try bench.waiter(["m"])
        var times: [Duration] = []
        for _ in 0..<500 {
            let before = bench.packets().count
            if bench.packets().count > times.count { times.append(bench.start.duration(to: bench.now)) }
            bench.pass(.milliseconds(100))
            if bench.packets().count > before { times.append(bench.start.duration(to: bench.now)) }
        }
        #expect(times == [0, 1, 3, 7, 15, 30, 45].map { .seconds($0) })
        #expect(bench.packets() == [0, 1, 2, 3, 4, 5, 6])
    }

    @Test func theFirstPacketMayBeDueLater() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.packetOffset = { .seconds(5) * ($0 + 1) } }
        _ = try bench.waiter(["m"])
        #expect(bench.packets().isEmpty)
        bench.pass(.milliseconds(4999))
        #expect(bench.packets().isEmpty)
        bench.pass(.milliseconds(1))
        #expect(bench.packets() == [0])
        bench.pass(.seconds(5))
        #expect(bench.packets() == [0, 1])
    }

    @Test func aLateTimerSendsNoBurst() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        _ = try bench.waiter(["m"])
        bench.passWithoutTimer(.seconds(16))
        bench.fire()
        #expect(bench.packets().count == 2)
        #expect(bench.timer == bench.start.advanced(by: .seconds(30)))
        bench.fire()
        #expect(bench.packets().count == 2)
    }

    @Test func abandonedWakesContinueWithoutPackets() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeTimeout = .seconds(60) }
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(1))
        bench.abandon(waiter, ["m"])
        bench.pass(.seconds(20))
        #expect(bench.packets() == [0, 1])
        #expect(bench.state("a") == .waking)
        // A call joins the wake that is still in progress.
        let late = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes() == ["a"])
        bench.pass(.seconds(9))
        #expect(bench.packets().count == 3)
        bench.answered("a")
        #expect(bench.lease(of: late) != nil)
        #expect(!bench.hasOutcome(waiter))
    }

    @Test func aWakeWithoutWaitersStillEnds() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
            $0.wakeBackoff = .seconds(30)
        }
        bench.abandon(try bench.waiter(["m"]), ["m"])
        bench.pass(.seconds(60))
        #expect(bench.state("a") == .wakeFailed)
        bench.pass(.seconds(3600))
        #expect(bench.timer == nil)
        // Much later a call starts a new wake instead of reaching the old one's deadline.
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(59))
        #expect(!bench.hasOutcome(waiter))
        #expect(bench.wakes().count == 2)
    }

    @Test func aFailedWakeIsReportedToAllWaitingCalls() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeTimeout = .seconds(60) }
        let first = try bench.waiter(["m"])
        bench.pass(.seconds(59))
        let second = try bench.waiter(["m"])
        // At the deadline: not before it, and not later.
        bench.pass(.milliseconds(999))
        #expect(!bench.hasOutcome(first) && !bench.hasOutcome(second))
        bench.pass(.milliseconds(1))
        for waiter in [first, second] {
            let error = try #require(bench.rejection(of: waiter))
            #expect(error.code == .wakeTimeout)
            #expect(error.retry == .after(.seconds(30)))
            #expect(error.cause?.contains("packets") == true)
        }
        #expect(bench.state("a") == .wakeFailed)
        #expect(bench.waiting == 0)
    }

    @Test(arguments: [
        (Duration.seconds(45), Duration.seconds(45)), (.seconds(80), .seconds(60)), (.milliseconds(10), .seconds(1)),
    ])
    func retryAfterIsTheLearnedBootTime(_ boot: Duration, _ retry: Duration) throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeTimeout = .seconds(90) }
        try teach(&bench, "a", "m", boot: boot)
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(90))
        #expect(bench.rejection(of: waiter)?.retry == .after(retry))
    }

    @Test func aFailedWakeIsTriedAgainAfterTheBackOff() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
            $0.wakeBackoff = .seconds(30)
        }
        _ = try bench.waiter(["m"])
        bench.pass(.seconds(60))
        bench.pass(.seconds(10))
        let refusal = try bench.refusal(["m"])
        #expect(refusal.code == .wakeFailed)
        #expect(refusal.retry == .after(.seconds(20)))
        bench.pass(.seconds(20))
        _ = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes().count == 2)
    }

    @Test func aMachineThatWokeUpTooLateIsAwake() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeTimeout = .seconds(60) }
        _ = try bench.waiter(["m"])
        bench.pass(.seconds(70))
        #expect(bench.state("a") == .wakeFailed)
        bench.answered("a")
        #expect(try bench.lease(["m"]).wake == nil)
        // Asleep again, it is woken at once: the failure no longer counts.
        bench.unreachable("a", times: 3)
        _ = try bench.waiter(["m"], forMachine: true)
    }

    @Test func anotherMachineIsTriedWhenOneDoesNotWakeUp() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
        }
        let waiter = try bench.waiter(["m"])
        #expect(bench.wakes() == ["a"])
        bench.pass(.seconds(60))
        #expect(bench.wakes() == ["a", "b"])
        #expect(!bench.hasOutcome(waiter))
        bench.pass(.seconds(59))
        #expect(!bench.hasOutcome(waiter))
        bench.answered("b")
        let lease = try #require(bench.lease(of: waiter))
        #expect(lease.runner == "b")
        #expect(lease.waited == .seconds(119))
    }

    /// A call tries each machine once; otherwise two dead machines could hold a call indefinitely by alternating.
    @Test func aCallTriesEachMachineOnce() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
            $0.wakeBackoff = .seconds(30)
        }
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(100))
        // Another call may wake the first machine again; the old call does not join it.
        bench.pass(.seconds(20))
        #expect(bench.rejection(of: waiter)?.code == .wakeTimeout)
        #expect(bench.wakes() == ["a", "b"])
        #expect(bench.waiting == 0)
    }

    @Test func callersWithoutTheRoleWakeNothing() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        let refusal = try bench.refusal(["m"], mayWake: false)
        #expect(refusal.code == .noRunnerAvailable)
        #expect(refusal.retry == .after(.seconds(60)))
        #expect(bench.wakes().isEmpty)
        // A call that may not start a wake can still wait for one that another call started.
        _ = try bench.waiter(["m"])
        let guest = try bench.waiter(["m"], mayWake: false, forMachine: true)
        bench.answered("a")
        #expect(!bench.hasOutcome(guest))
        bench.release(bench.grants()[0].lease)
        #expect(bench.lease(of: guest) != nil)
    }

    @Test func wakingCanBeSwitchedOff() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) { $0.wakeEnabled = false }
        #expect(bench.state("a") == .asleep)
        #expect(try bench.refusal(["m"]).code == .noRunnerAvailable)
        #expect(bench.wakes().isEmpty)
    }

    @Test func machinesThatCannotBeWokenAreLost() throws {
        var bench = asleep(.serving("a", "m"))
        #expect(bench.state("a") == .lost)
        #expect(try bench.refusal(["m"], exact: true).code == .noRunnerAvailable)
    }

    @Test func excludedMachinesAreNotWoken() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        _ = try bench.waiter(["m"], excluding: ["a"])
        #expect(bench.wakes() == ["b"])
        #expect(try bench.refusal(["m"], excluding: ["a", "b"]).code == .noRunnerAvailable)
    }

    @Test func anAwakeRunnerIsWaitedForRatherThanAnotherMachineWoken() throws {
        var bench = Bench(.serving("awake", "m"), .serving("asleep", "m", wakes: true))
        bench.answered("awake")
        bench.unreachable("asleep", times: 3)
        _ = try bench.lease(["m"])
        _ = try bench.waiter(["m"], forMachine: false)
        #expect(bench.wakes().isEmpty)
        bench.refused("awake")
        #expect(bench.wakes() == ["asleep"])
    }

    @Test func refusedConnectionsAreNormalWhileAMachineBoots() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        let waiter = try bench.waiter(["m"])
        bench.refused("a")
        bench.unreachable("a", times: 5)
        bench.couldNotConnect("a")
        #expect(bench.state("a") == .waking)
        #expect(!bench.hasOutcome(waiter))
        bench.answered("a")
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func aRunnerWithoutTheModelReleasesNoWaiter() throws {
        var bench = Bench(Runner(id: "a", canBeWoken: true), Runner(id: "other"))
        bench.answered("a", ["m"])
        bench.answered("other", ["x"])
        bench.unreachable("a", times: 3)
        let waiter = try bench.waiter(["m"], exact: true, forMachine: true)
        bench.answered("other", ["x", "y"])
        #expect(!bench.hasOutcome(waiter))
        // The engine is up before its model is loaded.
        bench.pass(.seconds(10))
        bench.answered("a", [])
        bench.answered("a", ["y"])
        #expect(!bench.hasOutcome(waiter))
        #expect(bench.state("a") == .waking)
        bench.pass(.seconds(10))
        bench.answered("a", ["y", "m"])
        #expect(bench.lease(of: waiter)?.runner == "a")
        // Boot time is the time until the first runner is ready.
        #expect(bench.status("a")?.bootTime.mean == .seconds(20))
    }

    @Test func aWakeFailsIfTheModelIsNeverListed() throws {
        var bench = Bench(Runner(id: "a", canBeWoken: true)) { $0.wakeTimeout = .seconds(60) }
        bench.answered("a", ["m"])
        bench.unreachable("a", times: 3)
        let waiter = try bench.waiter(["m"], exact: true)
        bench.pass(.seconds(30))
        bench.answered("a", ["y"])
        bench.pass(.seconds(30))
        #expect(bench.rejection(of: waiter)?.code == .wakeTimeout)
        bench.answered("a", ["y"])
        #expect(bench.state("a") == .ready)
        #expect(try bench.refusal(["m"], exact: true).code == .modelNotFound)
        _ = try bench.lease(["y"])
    }

    @Test func afterTheWakeTheQueuesDeadlineBeginsAnew() throws {
        var bench = asleep(.serving("a", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
            $0.queueTimeout = .seconds(10)
        }
        let (first, second) = (try bench.waiter(["m"]), try bench.waiter(["m"]))
        bench.pass(.seconds(50))
        bench.answered("a")
        #expect(bench.lease(of: first) != nil)
        bench.pass(.milliseconds(9999))
        #expect(!bench.hasOutcome(second))
        bench.release(try #require(bench.lease(of: first)))
        // It queued at the end, but it waited for the machine first.
        #expect(bench.lease(of: second)?.wake == bench.lease(of: first)?.wake)
        #expect(bench.lease(of: second)?.waited == .milliseconds(59_999))
    }

    // MARK: Which machine

    @Test func thePreferredMachineIsWoken() throws {
        var bench = asleep(
            .serving("cpu", "m", type: "cpu", wakes: true), .serving("gpu", "m", type: "gpu", wakes: true),
            .serving("none", "m", wakes: true))
        _ = try bench.waiter(["m"], prefer: ["gpu", "cpu"])
        #expect(bench.wakes() == ["gpu"])
    }

    @Test func amongEqualsTheFastestToBootIsWoken() throws {
        var bench = asleep(
            .serving("new", "m", wakes: true), .serving("slow", "m", "slow", wakes: true),
            .serving("quick", "m", "quick", wakes: true))
        try teach(&bench, "slow", "slow", boot: .seconds(40))
        try teach(&bench, "quick", "quick", boot: .seconds(20))
        // A machine that never woke up ranks below one that did.
        _ = try bench.waiter(["m"])
        #expect(bench.wakes() == ["quick"])
    }

    @Test func aMachineThatFailedComesAfterThoseThatDidNot() throws {
        var bench = asleep(.serving("a", "m", "a", wakes: true), .serving("b", "m", wakes: true)) {
            $0.wakeTimeout = .seconds(60)
        }
        try teach(&bench, "a", "a", boot: .seconds(5))
        _ = try bench.waiter(["a"])
        bench.pass(.seconds(300))
        bench.forgetEffects()
        #expect(bench.state("a") == .wakeFailed)
        _ = try bench.waiter(["m"])
        #expect(bench.wakes() == ["b"])
    }

    // MARK: Boot times

    @Test func bootTimesAreLearnedAndShown() throws {
        var bench = asleep(.serving("a", "m", wakes: true))
        #expect(bench.status("a")?.wakeETA == nil)
        try teach(&bench, "a", "m", boot: .seconds(40))
        #expect(bench.status("a")?.bootTime.mean == .seconds(40))
        #expect(bench.status("a")?.wakeETA == .seconds(40))
        try teach(&bench, "a", "m", boot: .seconds(20))
        #expect(bench.status("a")?.bootTime.mean == .seconds(35))
        _ = try bench.waiter(["m"])
        bench.pass(.seconds(10))
        #expect(bench.status("a")?.wakeETA == .seconds(25))
        bench.pass(.seconds(40))
        #expect(bench.status("a")?.wakeETA == .zero)
        bench.pass(.seconds(40))
        // A failed wake records no boot time.
        #expect(bench.state("a") == .wakeFailed)
        #expect(bench.status("a")?.bootTime.mean == .seconds(35))
    }

    @Test func rememberedMachinesCanBeWokenAfterARestart() throws {
        var state = SchedulerState()
        state.add(
            Runner(id: "a", canBeWoken: true), rememberedModels: ["m"], bootTime: BootTime(mean: .seconds(12)))
        let now = ContinuousClock.now
        for _ in 0..<3 { state.runnerUnreachable("a", lastContactAt: nil, now: now) }
        #expect(state.snapshot(now: now).runners[0].wakeETA == .seconds(12))
        guard case .waiting(_, machineIsWaking: true) = state.place(PlacementRequest(models: ["m"]), now: now) else {
            Issue.record("it does not wait for the machine")
            return
        }
        // No runner is left without evidence, so an unknown id is an error at once.
        guard case .refused(let error) = state.place(PlacementRequest(models: ["x"], isExact: true), now: now) else {
            Issue.record("an unknown model is not refused")
            return
        }
        #expect(error.code == .modelNotFound)
    }

    @Test func wakeIdsAreUniqueAndNameTheirWake() throws {
        var bench = asleep(.serving("a", "m", wakes: true), .serving("b", "n", wakes: true)) {
            $0.wakeIDPrefix = "night-"
        }
        _ = try bench.waiter(["m"])
        _ = try bench.waiter(["n"])
        let ids = bench.effects.compactMap { effect -> WakeID? in
            if case .wakeStarted(_, let id) = effect { id } else { nil }
        }
        #expect(ids == ["night-1", "night-2"])
        bench.pass(.seconds(3))
        bench.answered("a")
        let ended = bench.effects.contains(.wakeEnded("a", ids[0], after: .seconds(3), succeeded: true))
        #expect(ended)
    }
}
