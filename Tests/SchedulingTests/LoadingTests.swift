import SimpleAICore
import Testing

@testable import Scheduling

/// Models that a runner has, but not in memory.
@Suite struct LoadingTests {
    private func model(_ id: EngineModelID, loaded: Bool = false, _ mebibytes: Int? = nil) -> RunnerReport.Model {
        .init(engineID: id, isLoaded: loaded, size: mebibytes.map { .mebibytes($0) })
    }

    private func report(_ models: RunnerReport.Model..., slots: Int = 2, limit: Int? = nil) -> RunnerReport {
        RunnerReport(models: models, slots: slots, memoryLimit: limit.map { .mebibytes($0) })
    }

    private func bench(_ report: RunnerReport) -> Bench {
        var bench = Bench {
            $0.loadTimeout = .seconds(100)
            $0.loadBackoff = .seconds(60)
        }
        bench.joined(Runner(id: "a", canBeWoken: true), [])
        bench.reported("a", report)
        bench.forgetEffects()
        return bench
    }

    @Test func oneLoadHoweverManyWait() throws {
        var bench = bench(report(model("m"), slots: 3))
        let waiters = try (0..<3).map { _ in try bench.waiter(["m"], forMachine: false) }
        #expect(bench.commands() == ["load m"])
        bench.pass(.seconds(20))
        bench.completeCommand()
        #expect(bench.grants().map(\.waiter) == waiters)
        #expect(bench.grants().allSatisfy { $0.lease.waited == .seconds(20) && $0.lease.wake == nil })
        #expect(bench.status("a")?.loaded == ["m"])
        _ = try bench.waiter(["m"], forMachine: false)
        #expect(bench.commands() == ["load m"])
    }

    @Test func aReportMayArriveBeforeTheResult() throws {
        var bench = bench(report(model("m")))
        let waiter = try bench.waiter(["m"])
        bench.reported("a", report(model("m")))
        #expect(!bench.hasOutcome(waiter))
        bench.reported("a", report(model("m", loaded: true)))
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func backsOffAfterAFailedLoad() throws {
        var bench = bench(report(model("m")))
        let waiter = try bench.waiter(["m"])
        bench.completeCommand(failure: "out of memory")
        let error = try #require(bench.rejection(of: waiter))
        #expect(error.code == .noRunnerAvailable)
        #expect(error.retry == .after(.seconds(60)))
        #expect(error.cause?.contains("out of memory") == true)
        #expect(bench.effects.contains(.loadFailed("a", engineModel: "m", reason: "out of memory")))
        bench.pass(.seconds(20))
        #expect(try bench.refusal(["m"]).retry == .after(.seconds(40)))
        bench.pass(.seconds(40))
        _ = try bench.waiter(["m"])
        #expect(bench.commands() == ["load m", "load m"])
    }

    @Test func aLoadHasADeadline() throws {
        var bench = bench(report(model("m")))
        let waiter = try bench.waiter(["m"])
        bench.pass(.milliseconds(99_999))
        #expect(!bench.hasOutcome(waiter))
        bench.pass(.milliseconds(1))
        #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
        // Its result arrives too late to count; the next report states what is loaded.
        bench.completeCommand()
        #expect(bench.status("a")?.loaded == [])
        #expect(bench.timer == nil)
    }

    @Test func anotherRunnerLoadsWhenOneFails() throws {
        var bench = bench(report(model("m")))
        bench.joined(Runner(id: "b"), [])
        bench.reported("b", report(model("m")))
        let waiter = try bench.waiter(["m"])
        bench.completeCommand(failure: "no")
        #expect(bench.loaders() == ["a", "b"])
        bench.completeCommand()
        #expect(bench.lease(of: waiter)?.runner == "b")
    }

    // MARK: Unloading for a load

    @Test func unloadsTheLeastRecentlyUsedModel() throws {
        var bench = bench(
            report(model("old", loaded: true, 4), model("new", loaded: true, 4), model("m", 4), slots: 4, limit: 8))
        bench.release(try bench.lease(["old"]))
        bench.release(try bench.lease(["new"]))
        let waiter = try bench.waiter(["m"])
        #expect(bench.commands() == ["unload old"])
        bench.completeCommand()
        #expect(bench.commands() == ["unload old", "load m"])
        // The other model serves throughout.
        bench.release(try bench.lease(["new"]))
        bench.completeCommand()
        #expect(bench.lease(of: waiter) != nil)
        #expect(bench.status("a")?.loaded == ["m", "new"])
    }

    @Test func unloadsNothingIfMemoryIsFree() throws {
        var bench = bench(report(model("x", loaded: true, 4), model("m", 4), limit: 8))
        _ = try bench.waiter(["m"])
        #expect(bench.commands() == ["load m"])
        _ = try bench.lease(["x"])
    }

    @Test func aSwapInterruptsNoCall() throws {
        var bench = bench(report(model("x", loaded: true, 6), model("m", 6), limit: 8))
        let held = try bench.lease(["x"])
        let waiter = try bench.waiter(["m"])
        // Its call finishes; no new call starts on the model to be unloaded.
        #expect(bench.commands().isEmpty)
        let later = try bench.waiter(["x"], forMachine: false)
        bench.pass(.seconds(50))
        #expect(bench.commands().isEmpty)
        bench.release(held)
        #expect(bench.commands() == ["unload x"])
        bench.completeCommand()
        bench.completeCommand()
        let lease = try #require(bench.lease(of: waiter))
        // And the reverse, once that is over.
        #expect(bench.commands() == ["unload x", "load m"])
        bench.release(lease)
        #expect(bench.commands() == ["unload x", "load m", "unload m"])
        bench.completeCommand()
        bench.completeCommand()
        #expect(bench.lease(of: later) != nil)
    }

    @Test func aLoadFailsRatherThanInterruptACall() throws {
        var bench = bench(report(model("x", loaded: true, 6), model("m", 6), limit: 8))
        let held = try bench.lease(["x"])
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(100))
        #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
        #expect(bench.commands().isEmpty)
        // The model that was to be unloaded serves again.
        _ = try bench.lease(["x"])
        bench.release(held)
    }

    /// If sizes are unknown, the engine frees memory itself, and may restart for it.
    @Test func withoutSizesALoadWaitsUntilNothingElseRuns() throws {
        var bench = bench(report(model("x", loaded: true), model("m")))
        let held = try bench.lease(["x"])
        _ = try bench.waiter(["m"])
        #expect(bench.commands().isEmpty)
        bench.release(held)
        #expect(bench.commands() == ["load m"])
        _ = try bench.waiter(["x"], forMachine: false)
    }

    @Test func oneLoadAtATime() throws {
        var bench = bench(report(model("m"), model("n"), slots: 4))
        let first = try bench.waiter(["m"])
        let second = try bench.waiter(["n"], forMachine: false)
        #expect(bench.commands() == ["load m"])
        bench.completeCommand()
        #expect(bench.lease(of: first) != nil)
        #expect(!bench.hasOutcome(second))
        bench.release(try #require(bench.lease(of: first)))
        #expect(bench.commands() == ["load m", "load n"])
        bench.completeCommand()
        #expect(bench.lease(of: second) != nil)
    }

    // MARK: Full runners

    @Test func ifAllAreFullAnotherRunnerLoadsTheModelIfNothingIsUnloaded() throws {
        var bench = bench(report(model("m", loaded: true), slots: 1))
        bench.joined(Runner(id: "b"), [])
        bench.reported("b", report(model("m", 4), model("x", loaded: true, 4), slots: 1, limit: 4))
        bench.joined(Runner(id: "c"), [])
        bench.reported("c", report(model("m")))
        bench.forgetEffects()
        let held = try bench.lease(["m"])
        let first = try bench.waiter(["m"])
        let second = try bench.waiter(["m"])
        #expect(bench.loaders() == ["c"])
        // The first available one is used.
        bench.release(held)
        #expect(bench.lease(of: first)?.runner == "a")
        bench.completeCommand()
        #expect(bench.lease(of: second)?.runner == "c")
    }

    // MARK: Events in between

    @Test func aLostConnectionEndsItsLoads() throws {
        var bench = bench(report(model("m")))
        let waiter = try bench.waiter(["m"])
        bench.disconnected("a")
        bench.connected("a")
        bench.reported("a", report(model("m")))
        #expect(!bench.hasOutcome(waiter))
        #expect(bench.commands() == ["load m", "load m"])
        bench.completeCommand()
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func aWokenMachineLoadsTheRequestedModel() throws {
        var bench = bench(report(model("m", loaded: true)))
        bench.disconnected("a")
        bench.pass(.seconds(5))
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.pass(.seconds(30))
        bench.connected("a")
        bench.reported("a", report(model("m")))
        #expect(bench.state("a") == .ready)
        #expect(bench.commands() == ["load m"])
        bench.pass(.seconds(10))
        bench.completeCommand()
        let lease = try #require(bench.lease(of: waiter))
        #expect(lease.waited == .seconds(40))
        #expect(lease.wake != nil)
        // Boot time belongs to the machine, not to the model.
        #expect(bench.status("a")?.bootTime.mean == .seconds(30))
    }

    @Test func aCancelledCallKeepsTheLoadRunning() throws {
        var bench = bench(report(model("m")))
        bench.abandon(try bench.waiter(["m"]), ["m"])
        let late = try bench.waiter(["m"])
        #expect(bench.commands() == ["load m"])
        bench.completeCommand()
        #expect(bench.lease(of: late) != nil)
    }

    @Test func reportsLoadRequirements() throws {
        var bench = bench(report(model("m"), model("n")))
        func told(_ model: ModelID) -> PlacementExplanation {
            bench.state.explain(PlacementRequest(models: [model]), now: bench.now)
        }
        #expect(told("m").outcome == .waitsForLoad)
        #expect(told("m").candidates.map(\.reason) == [.loadable])
        #expect(bench.commands().isEmpty)
        _ = try bench.waiter(["m"])
        #expect(told("m").candidates.map(\.reason) == [.loading])
        bench.completeCommand(failure: "no")
        #expect(told("m").candidates.map(\.reason) == [.loadBackoff])
    }
}
