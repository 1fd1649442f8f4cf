import SimpleAICore
import Testing

@testable import Scheduling

/// Machines whose hosts respond and whose engines do not.
@Suite struct DownMachineTests {
    private func down(_ runner: Runner = .serving("a", "m", wakes: true)) -> Bench {
        var bench = Bench(runner) {
            $0.wakeTimeout = .seconds(60)
            $0.wakeBackoff = .seconds(30)
        }
        bench.foreignResponse(runner.id)
        bench.forgetEffects()
        return bench
    }

    @Test func aCallWakesAMachineAtWhoseAddressAnotherServerResponds() throws {
        var bench = down()
        #expect(bench.state("a") == .down)
        let waiter = try bench.waiter(["m"], forMachine: true)
        #expect(bench.state("a") == .waking && bench.packets() == [0])
        bench.foreignResponse("a")
        bench.refused("a")
        #expect(bench.state("a") == .waking)
        bench.pass(.seconds(5))
        bench.answered("a")
        #expect(bench.lease(of: waiter)?.waited == .seconds(5))
    }

    /// A crashed engine costs one wait; then calls get 503 immediately, and the attempts become rarer.
    @Test func backsOffAfterAWakeWithoutEffect() throws {
        var bench = down()
        for backoff in [30, 60, 120, 240, 480, 480] {
            let waiter = try bench.waiter(["m"], forMachine: true)
            bench.pass(.seconds(30))
            bench.refused("a")
            bench.pass(.seconds(30))
            #expect(bench.rejection(of: waiter)?.code == .wakeTimeout)
            #expect(bench.state("a") == .wakeFailed)
            bench.refused("a")
            #expect(bench.state("a") == .down)
            bench.forgetEffects()
            let refusal = try bench.refusal(["m"])
            #expect(refusal.code == .wakeFailed && refusal.retry == .after(.seconds(backoff)))
            bench.pass(.seconds(backoff) - .milliseconds(1))
            #expect(try bench.refusal(["m"]).code == .wakeFailed)
            bench.pass(.milliseconds(1))
        }
        #expect(bench.wakes().isEmpty)
        bench.answered("a")
        bench.refused("a")
        _ = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes() == ["a"])
    }

    /// The backoff survives even if the machine disappears meanwhile: a flapping machine would be woken with every
    /// change.
    @Test func theBackoffSurvivesAChangeOfState() throws {
        var bench = down()
        _ = try bench.waiter(["m"])
        bench.pass(.seconds(60))
        bench.refused("a")
        bench.unreachable("a", times: 3)
        #expect(bench.state("a") == .asleep)
        #expect(try bench.refusal(["m"]).code == .wakeFailed)
        bench.pass(.seconds(30))
        _ = try bench.waiter(["m"], forMachine: true)
    }

    @Test func refusesCallsForMachinesThatCannotBeWoken() throws {
        var bench = down(.serving("a", "m"))
        #expect(try bench.refusal(["m"]).code == .noRunnerAvailable)
    }

    @Test func aMachineWhoseAgentIsConnectedIsNotWoken() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a", canBeWoken: true), ["m"])
        bench.reported("a", RunnerReport(admitsCalls: false))
        #expect(bench.state("a") == .down)
        #expect(try bench.refusal(["m"]).code == .noRunnerAvailable)
        #expect(bench.wakes().isEmpty)
    }

    @Test func wakesASleepingMachineRatherThanADownOne() throws {
        var bench = Bench(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        bench.refused("a")
        bench.unreachable("b", times: 3)
        _ = try bench.waiter(["m"], forMachine: true)
        #expect(bench.wakes() == ["b"])
    }

    @Test func aCallToWhichAnotherServerRespondedWaitsForTheNextProbe() throws {
        var bench = Bench.ready(.serving("a", "m", wakes: true))
        let lease = try bench.lease(["m"])
        bench.release(lease, .foreignResponse)
        #expect(bench.state("a") == .unknown)
        let waiter = try bench.waiter(["m"], forMachine: false)
        bench.foreignResponse("a")
        #expect(bench.wakes() == ["a"])
        bench.answered("a")
        #expect(bench.lease(of: waiter) != nil)
    }

    // MARK: Operator commands

    @Test func acceptsACommandForAnUnknownMachine() throws {
        var bench = Bench(.serving("a", "m", wakes: true))
        guard case .started(let wake) = bench.wakeMachine("a") else {
            Issue.record("not accepted")
            return
        }
        #expect(bench.packets() == [0] && bench.wakeMachine("a") == .inProgress(wake))
        // It was awake: this was not a boot, so no boot time is recorded.
        bench.pass(.milliseconds(10))
        bench.answered("a")
        #expect(bench.state("a") == .ready && bench.wakeMachine("a") == .alreadyAwake)
        #expect(bench.status("a")?.bootTime.mean == nil)
    }

    @Test func aCommandForASleepingMachineWakesIt() throws {
        var bench = Bench(.serving("a", "m", wakes: true))
        _ = bench.wakeMachine("a")
        bench.unreachable("a")
        bench.pass(.seconds(20))
        #expect(bench.packets().count > 3)
        bench.answered("a")
        #expect(bench.status("a")?.bootTime.mean == .seconds(20))
    }

    @Test func acceptsCommandsForDownRunnersThatCanBeWoken() throws {
        var bench = down()
        guard case .started = bench.wakeMachine("a") else {
            Issue.record("not accepted")
            return
        }
        var without = down(.serving("a", "m"))
        guard case .impossible(let reason) = without.wakeMachine("a") else {
            Issue.record("accepted")
            return
        }
        #expect(reason.contains("runners[].wake"))
        var agent = Bench()
        agent.joined(Runner(id: "a", canBeWoken: true), ["m"])
        agent.reported("a", RunnerReport(admitsCalls: false))
        guard case .impossible = agent.wakeMachine("a") else {
            Issue.record("accepted, although its agent is connected")
            return
        }
    }
}
