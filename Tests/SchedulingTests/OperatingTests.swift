import SimpleAICore
import Testing

@testable import Scheduling

/// Machines that operators wake and put to sleep.
@Suite struct OperatingTests {
    private let sleepy = RunnerReport(models: [.init(engineID: "m")], slots: 2, isSleepable: true)

    private func bench(canBeWoken: Bool = true, _ report: RunnerReport? = nil) -> Bench {
        var bench = Bench()
        bench.joined(Runner(id: "a", canBeWoken: canBeWoken), [])
        bench.reported("a", report ?? sleepy)
        bench.forgetEffects()
        return bench
    }

    private func isImpossible(_ answer: SleepCommandResult, _ word: String) -> Bool {
        if case .impossible(let reason) = answer { reason.contains(word) } else { false }
    }

    @Test func aMachineIsPutToSleepAndWoken() throws {
        var bench = bench()
        #expect(bench.wakeMachine("a") == .alreadyAwake)
        #expect(bench.sleepMachine("a") == .commandSent)
        #expect(bench.state("a") == .asleep)
        #expect(bench.sleeps().map(\.runner) == ["a"])
        #expect(bench.sleepMachine("a") == .alreadyAsleep)
        guard case .started(let wake) = bench.wakeMachine("a") else {
            Issue.record("no wake")
            return
        }
        #expect(bench.wakeMachine("a") == .inProgress(wake))
        #expect(isImpossible(bench.sleepMachine("a"), "a wake is in progress"))
        bench.disconnected("a")
        bench.pass(.seconds(7))
        bench.joined(Runner(id: "a", canBeWoken: true), ["m"])
        #expect(bench.state("a") == .ready)
        let last = try #require(bench.status("a")?.lastWake)
        #expect(last.id == wake && last.outcome == .init(time: .seconds(7), succeeded: true))
    }

    /// Packets are sent although no call waits for the machine; a wake for a call that has ended sends none.
    @Test func packetsAreSentUntilTheDeadline() throws {
        var bench = bench()
        _ = bench.sleepMachine("a")
        bench.disconnected("a")
        _ = bench.wakeMachine("a")
        let first = bench.packets().count
        bench.pass(.seconds(60))
        #expect(first == 1)
        #expect(bench.packets().count > first)
        bench.pass(.seconds(60))
        #expect(bench.state("a") == .wakeFailed)
        #expect(bench.status("a")?.lastWake?.outcome?.succeeded == false)
        // Calls are subject to the backoff now; operators are not.
        guard case .started = bench.wakeMachine("a") else {
            Issue.record("no second wake")
            return
        }
    }

    /// An operator's wake of a machine in an unknown state: the calls that waited for its next probe wait for the wake, and get
    /// its deadline.
    @Test func callsThatWaitForAProbeJoinTheWakeOfAnOperator() throws {
        var bench = Bench(Runner(id: "pc", canBeWoken: true, statedModels: ["m"])) { $0.wakeTimeout = .seconds(90) }
        let waiter = try bench.waiter(["m"], forMachine: false)
        guard case .started(let wake) = bench.wakeMachine("pc") else {
            Issue.record("no wake")
            return
        }
        bench.pass(.seconds(60))
        #expect(!bench.hasOutcome(waiter))
        bench.answered("pc")
        #expect(bench.lease(of: waiter)?.wake == wake)
    }

    @Test func busyOrUnwakeableMachinesStayAwake() throws {
        var busy = bench()
        let lease = try busy.lease(["m"])
        #expect(isImpossible(busy.sleepMachine("a"), "1 call is in progress"))
        busy.release(lease)
        #expect(busy.sleepMachine("a") == .commandSent)

        var unwakeable = bench(canBeWoken: false)
        #expect(isImpossible(unwakeable.sleepMachine("a"), "MAC"))
        var unable = bench(.init(models: [.init(engineID: "m")]))
        #expect(isImpossible(unable.sleepMachine("a"), "sleep_command"))
        #expect(unable.sleepMachine("b") == .unknownMachine && unable.wakeMachine("b") == .unknownMachine)
        var fixed = Bench()
        fixed.put(Runner(id: "s", canBeWoken: true))
        fixed.answered("s", ["m"])
        #expect(isImpossible(fixed.sleepMachine("s"), "runners[].sleep"))
        #expect(unwakeable.sleeps().isEmpty && unable.sleeps().isEmpty && fixed.sleeps().isEmpty)
    }

    @Test func aRefusalIsReportedUntilTheNextCommand() throws {
        var bench = bench()
        _ = bench.sleepMachine("a")
        #expect(bench.status("a")?.isFallingAsleep == true)
        bench.answeredCommand("a", try #require(bench.sleeps().last).request, failure: "no permission")
        #expect(bench.state("a") == .ready)
        #expect(bench.status("a")?.sleepProblem == "no permission")
        #expect(bench.status("a")?.isFallingAsleep == false)
        _ = bench.sleepMachine("a")
        #expect(bench.status("a")?.sleepProblem == nil)
    }
}
