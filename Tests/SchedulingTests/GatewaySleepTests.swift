import SimpleAICore
import Testing

@testable import Scheduling

/// Static runners whose machines the gateway puts to sleep itself: their idle time, and the outcome of the command.
@Suite struct GatewaySleepTests {
    private static func runner(sleeps: Bool = true, wakes: Bool = true, slots: Int = 2) -> Runner {
        Runner(id: "pc", slots: slots, canBeWoken: wakes, hasSleepMethod: sleeps, statedModels: ["m"])
    }

    private func bench(
        _ runner: Runner = runner(), _ configure: (inout SchedulerState.Configuration) -> Void = { _ in }
    ) -> Bench {
        .ready(runner) {
            $0.sleepAfter = .seconds(600)
            $0.sleepGracePeriod = .seconds(20)
            $0.checksAfterSleep = true
            configure(&$0)
        }
    }

    /// A bench whose machine was commanded to sleep just now.
    private func commanded() throws -> (bench: Bench, request: CommandID) {
        var bench = bench()
        bench.pass(.seconds(600))
        #expect(bench.state("pc") == .asleep)
        return (bench, try #require(bench.sleeps().last).request)
    }

    // MARK: Idle time

    @Test func anUnusedMachineIsPutToSleepByTheGateway() {
        var bench = bench()
        bench.pass(.seconds(599))
        // Neither a probe nor a listing is activity.
        bench.answered("pc")
        #expect(bench.sleeps().isEmpty && bench.state("pc") == .ready)
        #expect(bench.status("pc")?.isSleepable == true)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().map(\.runner) == ["pc"])
        #expect(bench.effects.contains { if case .sleepMachine("pc", _, by: .gateway) = $0 { true } else { false } })
        #expect(bench.state("pc") == .asleep && bench.status("pc")?.isFallingAsleep == true)
    }

    @Test func callsResetTheIdleTimeAndLeasesPauseIt() throws {
        var bench = bench()
        bench.pass(.seconds(500))
        let (first, second) = (try bench.lease(["m"]), try bench.lease(["m"]))
        bench.pass(.seconds(7200))
        bench.release(first, .served)
        bench.pass(.seconds(7200))
        #expect(bench.sleeps().isEmpty)
        bench.release(second, .served)
        bench.pass(.seconds(599))
        #expect(bench.sleeps().isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().count == 1)
    }

    @Test func machinesThatCannotSleepOrWakeStayAwake() {
        var unable = bench(Self.runner(sleeps: false))
        var unwakeable = bench(Self.runner(wakes: false))
        var never = bench { $0.sleepAfter = .zero }
        var disabled = bench { $0.wakeEnabled = false }
        for _ in 0..<3 {
            unable.pass(.seconds(3600))
            unwakeable.pass(.seconds(3600))
            never.pass(.seconds(3600))
            disabled.pass(.seconds(3600))
        }
        for bench in [unable, unwakeable, never, disabled] {
            #expect(bench.sleeps().isEmpty && bench.state("pc") == .ready)
        }
        #expect(unable.status("pc")?.isSleepable == false)
        #expect(unable.state.deadlines.nextSleepCheck == nil, "nothing is tracked")
    }

    @Test func unhealthyLoadingAndUnknownMachinesAreLeftAlone() {
        for (event, state) in [
            ({ $0.refused("pc") }, .down), ({ $0.loads("pc") }, .loading), ({ $0.couldNotConnect("pc") }, .unknown),
        ] as [((inout Bench) -> Void, RunnerState)] {
            var bench = bench()
            event(&bench)
            #expect(bench.state("pc") == state)
            bench.pass(.seconds(3600))
            #expect(bench.sleeps().isEmpty)
            // Its idle time begins when it is ready again.
            bench.answered("pc")
            if bench.state("pc") == .ready {
                bench.pass(.seconds(599))
                #expect(bench.sleeps().isEmpty)
            }
        }
    }

    @Test func aMachineOnTrialIsLeftAlone() throws {
        var bench = bench { $0.ejection = EjectionPolicy(failures: 1, duration: .seconds(10), maxShare: 1) }
        bench.release(try bench.lease(["m"]), .failed)
        bench.pass(.seconds(10))
        #expect(bench.status("pc")?.isEjected == true)
        bench.pass(.seconds(3600))
        #expect(bench.sleeps().isEmpty)
        guard case .impossible(let reason) = bench.sleepMachine("pc") else {
            Issue.record("it was put to sleep on trial")
            return
        }
        #expect(reason.contains("on trial"))
        bench.release(try bench.lease(["m"]), .served)
        bench.pass(.seconds(600))
        #expect(bench.sleeps().count == 1)
    }

    // MARK: Reload

    @Test func settingsAddAndRemoveTheMethodWhileItRuns() {
        var bench = bench(Self.runner(sleeps: false))
        bench.pass(.seconds(3600))
        bench.put(Self.runner(sleeps: true))
        bench.pass(.seconds(599))
        #expect(bench.sleeps().isEmpty)
        bench.put(Self.runner(sleeps: false))
        bench.pass(.seconds(3600))
        #expect(bench.sleeps().isEmpty && bench.status("pc")?.isSleepable == false)
        bench.put(Self.runner(sleeps: true))
        bench.put(Self.runner(sleeps: true, slots: 4))
        bench.pass(.seconds(600))
        #expect(bench.sleeps().count == 1)
    }

    @Test func aChangedIdleTimeAppliesToMachinesThatAreIdle() {
        var bench = bench { $0.sleepAfter = .zero }
        bench.pass(.seconds(300))
        bench.observe { state, now in
            var configuration = state.configuration
            configuration.sleepAfter = .seconds(400)
            state.reconfigure(configuration, now: now)
        }
        bench.pass(.seconds(99))
        #expect(bench.sleeps().isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().count == 1)
    }

    @Test func aRemovedMachinesResultIsIgnored() throws {
        var (bench, request) = try commanded()
        bench.remove("pc")
        bench.answeredCommand("pc", request, failure: "no")
        bench.put(Self.runner())
        bench.answered("pc")
        bench.answeredCommand("pc", request, failure: "no")
        #expect(bench.state("pc") == .ready && bench.status("pc")?.sleepProblem == nil)
    }

    // MARK: Outcome

    @Test func aMachineThatFallsAsleepStaysAsleep() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request)
        // Seconds pass before it is suspended.
        bench.pass(.seconds(5))
        bench.answered("pc")
        bench.silent("pc")
        #expect(bench.state("pc") == .asleep && bench.status("pc")?.isFallingAsleep == true)
        bench.unreachable("pc")
        #expect(bench.status("pc")?.isFallingAsleep == false)
        bench.pass(.seconds(3600))
        bench.unreachable("pc", times: 3)
        #expect(bench.state("pc") == .asleep && bench.sleeps().count == 1)
        #expect(!bench.effects.contains { if case .sleepFailed = $0 { true } else { false } })
        // It wakes without a packet: by a key.
        bench.answered("pc")
        #expect(bench.state("pc") == .ready && bench.status("pc")?.sleepProblem == nil)
        bench.pass(.seconds(600))
        #expect(bench.sleeps().count == 2)
    }

    @Test func aFailedCommandMakesItReadyAgain() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request, failure: "ssh exited with status 255: Permission denied")
        #expect(bench.state("pc") == .ready)
        #expect(bench.status("pc")?.sleepProblem == "ssh exited with status 255: Permission denied")
        #expect(bench.effects.contains(.sleepFailed("pc", reason: "ssh exited with status 255: Permission denied")))
        _ = try bench.lease(["m"])
    }

    @Test func aFailureStartsTheIdleTimeAnewAndIsReportedOnce() throws {
        var (bench, request) = try commanded()
        bench.pass(.seconds(7))
        for round in 1...3 {
            bench.answeredCommand("pc", request, failure: "no")
            bench.pass(.seconds(599))
            #expect(bench.sleeps().count == round && bench.state("pc") == .ready)
            bench.pass(.seconds(1))
            #expect(bench.sleeps().count == round + 1 && bench.status("pc")?.sleepProblem == nil)
            request = try #require(bench.sleeps().last).request
        }
        let failures = { bench.effects.filter { if case .sleepFailed = $0 { true } else { false } } }
        #expect(failures() == [.sleepFailed("pc", reason: "no")])
        bench.answeredCommand("pc", request, failure: "other")
        #expect(failures().last == .sleepFailed("pc", reason: "other"))
    }

    @Test func anEngineThatGoesOnRespondingDidNotFallAsleep() throws {
        var (bench, request) = try commanded()
        bench.pass(.seconds(4))
        bench.answeredCommand("pc", request)
        bench.pass(.seconds(19))
        bench.answered("pc")
        #expect(bench.state("pc") == .asleep)
        bench.pass(.seconds(1))
        bench.answered("pc")
        #expect(bench.state("pc") == .ready)
        let problem = try #require(bench.status("pc")?.sleepProblem)
        #expect(problem.description.contains("still responded"))
        #expect(bench.effects.contains(.sleepFailed("pc", reason: problem)))
        bench.pass(.seconds(599))
        #expect(bench.sleeps().count == 1)
        bench.pass(.seconds(1))
        #expect(bench.sleeps().count == 2)
    }

    @Test func anEngineThatIsLoadingAfterTheGracePeriodIsAwake() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request)
        bench.pass(.seconds(20))
        bench.loads("pc")
        #expect(bench.state("pc") == .loading && bench.status("pc")?.sleepProblem != nil)
    }

    @Test func aHostThatStaysUpWithoutItsEngineIsDown() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request)
        bench.refused("pc")
        #expect(bench.state("pc") == .asleep, "a machine that shuts down stops its engine first")
        bench.pass(.seconds(20))
        bench.refused("pc")
        #expect(bench.state("pc") == .down)
    }

    // MARK: Calls meanwhile

    @Test func aCallWakesAMachineThatIsFallingAsleep() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request)
        bench.pass(.seconds(1))
        let waiter = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes() == ["pc"] && bench.state("pc") == .waking)
        bench.answered("pc")
        #expect(!bench.hasOutcome(waiter), "the engine still responds, and the machine suspends")
        bench.pass(.seconds(3))
        bench.unreachable("pc")
        bench.pass(.seconds(6))
        bench.answered("pc")
        #expect(bench.lease(of: waiter)?.waited == .seconds(9))
        #expect(bench.status("pc")?.bootTime.mean == .seconds(9) && bench.status("pc")?.sleepProblem == nil)
    }

    /// A program or a web hook would have no effect on a machine that is still awake, and is not repeated after a success.
    @Test func packetsStateWhetherTheMachineMayStillBeAwake() throws {
        var (bench, request) = try commanded()
        let packets = { bench.effects.compactMap { if case .sendPacket(_, _, _, let may) = $0 { may } else { nil } } }
        bench.answeredCommand("pc", request)
        _ = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(1))
        #expect(packets() == [true, true])
        bench.unreachable("pc")
        bench.pass(.seconds(2))
        #expect(packets() == [true, true, false])
    }

    @Test func aFailedCommandServesTheCallsThatWaitForTheWake() throws {
        var (bench, request) = try commanded()
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(2))
        bench.answeredCommand("pc", request, failure: "no")
        #expect(bench.lease(of: waiter)?.waited == .seconds(2))
        #expect(bench.status("pc")?.bootTime.mean == nil, "that was no boot")
        #expect(bench.status("pc")?.lastWake?.outcome?.succeeded == true)
    }

    @Test func aMachineThatDoesNotFallAsleepServesTheCallsThatWaitForTheWake() throws {
        var (bench, request) = try commanded()
        bench.answeredCommand("pc", request)
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(20))
        bench.answered("pc")
        #expect(bench.lease(of: waiter) != nil && bench.status("pc")?.bootTime.mean == nil)
    }

    /// `ssh` waits for the machine that it has put to sleep until it is stopped.
    @Test func aProgramThatOutlivesTheMachineHasNotFailed() throws {
        var (bench, request) = try commanded()
        bench.pass(.seconds(8))
        bench.unreachable("pc")
        bench.pass(.seconds(22))
        bench.answeredCommand("pc", request, failure: "ssh was stopped after 30.0 seconds")
        #expect(bench.state("pc") == .asleep && bench.status("pc")?.sleepProblem == nil)
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(5))
        bench.answered("pc")
        #expect(bench.lease(of: waiter) != nil)
    }

    // MARK: Operators

    @Test func anOperatorPutsItToSleep() throws {
        var bench = bench { $0.sleepAfter = .zero }
        #expect(bench.sleepMachine("pc") == .commandSent)
        #expect(bench.sleeps().count == 1 && bench.sleepMachine("pc") == .alreadyAsleep)
        bench.answeredCommand("pc", try #require(bench.sleeps().last).request, failure: "no")
        let lease = try bench.lease(["m"])
        guard case .impossible(let busy) = bench.sleepMachine("pc") else {
            Issue.record("a machine with a call was put to sleep")
            return
        }
        #expect(busy.contains("1 call is in progress"))
        bench.release(lease, .served)
        #expect(bench.sleepMachine("pc") == .commandSent)
    }

    @Test(arguments: [
        (runner(sleeps: false), true, "runners[].sleep"), (runner(wakes: false), true, "could not be woken"),
        (runner(), false, "wake.enabled"),
    ])
    func operatorsLearnWhatIsMissing(_ runner: Runner, _ isWakeEnabled: Bool, _ words: String) {
        var bench = bench(runner) { $0.wakeEnabled = isWakeEnabled }
        guard case .impossible(let reason) = bench.sleepMachine("pc") else {
            Issue.record("it was put to sleep")
            return
        }
        #expect(reason.contains(words) && bench.sleeps().isEmpty)
    }

    // MARK: Agents

    /// A machine may have an engine in the settings and an agent under another id.
    @Test func anAgentUnderAnotherIDIsUnaffected() throws {
        var bench = bench()
        bench.joined(Runner(id: "agent", canBeWoken: true), ["n"])
        bench.reported("agent", RunnerReport(models: [.init(engineID: "n")], isSleepable: true))
        let lease = try bench.lease(["n"])
        bench.pass(.seconds(600))
        #expect(bench.sleeps().map(\.runner) == ["pc"] && bench.state("agent") == .ready)
        bench.release(lease, .served)
        bench.pass(.seconds(600))
        #expect(bench.sleeps().map(\.runner) == ["pc", "agent"])
        #expect(bench.effects.contains { if case .sleepMachine("agent", _, by: .agent) = $0 { true } else { false } })
    }
}
