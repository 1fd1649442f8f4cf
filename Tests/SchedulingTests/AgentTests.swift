import SimpleAICore
import Testing

@testable import Scheduling

/// Runners that register through agents.
@Suite struct AgentTests {
    @Test func anAgentServesWhatItReports() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a"), ["m"], slots: 2)
        #expect(bench.state("a") == .ready)
        let leases = [try bench.lease(["m"]), try bench.lease(["m"])]
        #expect(leases.allSatisfy { $0.runner == "a" })
        let third = try bench.waiter(["m"], forMachine: false)
        #expect(try bench.refusal(["x"], exact: true).code == .modelNotFound)
        // More slots serve waiting calls; with fewer slots, calls in progress finish.
        bench.reported("a", RunnerReport(models: [.init(engineID: "m")], slots: 3))
        #expect(bench.lease(of: third) != nil)
        bench.reported("a", RunnerReport(models: [.init(engineID: "m")], slots: 0))
        #expect(bench.status("a")?.runner.slots == 1)
        bench.release(leases[0])
        _ = try bench.waiter(["m"], forMachine: false)
    }

    @Test func anEngineReceivesItsOwnNamesForAliases() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a", aliases: ["m": "m-q4"]), ["m-q4"])
        let lease = try bench.lease(["m"])
        #expect(lease.engineModel == "m-q4")
    }

    @Test func anAgentThatAdmitsNoCallsIsDown() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a"), ["m"])
        bench.reported("a", RunnerReport(admitsCalls: false, models: [.init(engineID: "m")]))
        #expect(bench.state("a") == .down)
        #expect(try bench.refusal(["m"]).code == .noRunnerAvailable)
        bench.reported("a", .having("m"))
        _ = try bench.lease(["m"])
    }

    @Test func aStartingEngineIsWaitedFor() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a"), ["m"])
        bench.reported("a", RunnerReport(admitsCalls: false, isStarting: true))
        let waiter = try bench.waiter(["m"], forMachine: false)
        bench.reported("a", .having("m"))
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test(arguments: [(true, RunnerState.asleep), (false, .lost)])
    func aDisconnectedAgentCountsAsAsleepOrLostAfterTheGracePeriod(_ wakes: Bool, _ state: RunnerState) throws {
        var bench = Bench { $0.gracePeriod = .seconds(5) }
        bench.joined(Runner(id: "a", slots: 2, canBeWoken: wakes), ["m"], slots: 2)
        let held = try bench.lease(["m"])
        bench.disconnected("a")
        // New calls stop at once, and no call in progress is interrupted.
        #expect(bench.state("a") == .unknown)
        let waiter = try bench.waiter(["m"], forMachine: false)
        bench.pass(.milliseconds(4999))
        #expect(bench.state("a") == .unknown)
        #expect(bench.active("a") == 1)
        bench.pass(.milliseconds(1))
        if wakes {
            // A waiting call wakes it.
            #expect(bench.wakes() == ["a"])
            #expect(!bench.hasOutcome(waiter))
        } else {
            #expect(bench.state("a") == state)
            #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
        }
        bench.release(held)
        #expect(bench.active("a") == 0)
    }

    @Test func aShortDisconnectionChangesNothing() throws {
        var bench = Bench { $0.gracePeriod = .seconds(5) }
        bench.joined(Runner(id: "a", canBeWoken: true), ["m"])
        bench.disconnected("a")
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(4))
        bench.joined(Runner(id: "a", canBeWoken: true), ["m"])
        #expect(bench.lease(of: waiter) != nil)
        bench.pass(.seconds(60))
        #expect(bench.state("a") == .ready)
        #expect(bench.wakes().isEmpty)
    }

    @Test func aCallWakesAnAgentsMachineAndIsServedWhenItRegisters() throws {
        var bench = Bench { $0.gracePeriod = .seconds(5) }
        bench.joined(Runner(id: "a", canBeWoken: true), ["m"])
        bench.disconnected("a")
        bench.pass(.seconds(5))
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(20))
        bench.connected("a")
        bench.reported("a", RunnerReport(admitsCalls: false, isStarting: true))
        #expect(bench.state("a") == .waking)
        // The engine is up before its model is loaded.
        bench.reported("a", .having("other"))
        #expect(!bench.hasOutcome(waiter))
        bench.reported("a", .having("m"))
        #expect(bench.lease(of: waiter)?.waited == .seconds(20))
        #expect(bench.status("a")?.bootTime.mean == .seconds(20))
    }

    @Test func agentsFromBeforeARestartAreWokenUnlessTheyReconnect() throws {
        var state = SchedulerState()
        let now = ContinuousClock.now
        state.addAgent(Runner(id: "a", canBeWoken: true), rememberedModels: ["m"], now: now)
        state.addAgent(Runner(id: "b", canBeWoken: true), rememberedModels: ["n"], now: now)
        state.agentConnected("b", now: now)
        state.agentReported("b", .having("n"), now: now)
        state.timePassed(now: now.advanced(by: .seconds(5)))
        #expect(state.snapshot(now: now).runners.map(\.state) == [.asleep, .ready])
    }

    @Test func aLoadedModelTakesPrecedenceOverTierAndLoad() throws {
        var bench = Bench()
        bench.joined(Runner(id: "cold", machineType: "gpu"), [])
        bench.reported(
            "cold", RunnerReport(models: [.init(engineID: "m", isLoaded: false), .init(engineID: "x")], slots: 4))
        bench.joined(Runner(id: "warm", machineType: "cpu"), ["m"], slots: 2)
        #expect(bench.status("cold")?.loaded == ["x"])
        for policy in PlacementPolicy.allCases {
            let lease = try bench.lease(["m"], prefer: ["gpu"], policy: policy, conversation: "c")
            #expect(lease.runner == "warm", "\(policy)")
            bench.release(lease)
        }
        // Another loaded model of the class is equally good.
        #expect(try bench.lease(["m", "x"], prefer: ["gpu"]).runner == "cold")
    }

    @Test func anAwakeMachineTakesPrecedenceOverASleepingOne() throws {
        var bench = Bench()
        bench.joined(Runner(id: "asleep", canBeWoken: true), ["m"])
        bench.disconnected("asleep")
        bench.pass(.seconds(5))
        bench.joined(Runner(id: "awake"), [])
        bench.reported("awake", RunnerReport(models: [.init(engineID: "m", isLoaded: false)]))
        _ = try bench.waiter(["m"], forMachine: false)
        #expect(bench.loaders() == ["awake"])
        #expect(bench.wakes().isEmpty)
    }

    @Test func eventsOfUnknownIDsChangeNothing() {
        var bench = Bench.ready(.serving("static", "m"))
        bench.connected("z")
        bench.reported("z", .having("m"))
        bench.disconnected("z")
        // A static runner has no agent connection that could be lost.
        bench.disconnected("static")
        #expect(bench.effects.isEmpty)
    }
}
