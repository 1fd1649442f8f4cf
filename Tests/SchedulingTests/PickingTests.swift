import SimpleAICore
import Testing

@testable import Scheduling

/// The choice of the runner for a call that can be served now.
@Suite struct PickingTests {
    @Test func anIdleFleetIsServedRoundRobin() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 2), .serving("b", "m", slots: 2), .serving("c", "m", slots: 2))
        var order: [RunnerID] = []
        for _ in 0..<7 {
            let lease = try bench.lease(["m"])
            order.append(lease.runner)
            bench.release(lease)
        }
        #expect(order == ["a", "b", "c", "a", "b", "c", "a"])
    }

    /// With so many runners the scheduler does not examine each for every call; the result is the same.
    @Test(arguments: [["m"], ["other", "m"]] as [[ModelID]])
    func findsTheLeastBusyAmongManyRunners(models: [ModelID]) throws {
        var bench = Bench((0..<100).map { .serving(RunnerID("r\($0)"), "m", slots: 3) })
        for number in 0..<100 { bench.answered(RunnerID("r\(number)")) }
        var random = SeededGenerator(seed: 7)
        var leases: [Lease] = []
        for call in 0..<2000 {
            // Up to the last slot, and down again.
            let isFull = bench.state.snapshot(now: bench.now).runners.allSatisfy { $0.active == 3 }
            if isFull || call % 500 > 350 || Int.random(in: 0..<5, using: &random) == 0 {
                guard let lease = leases.randomElement(using: &random) else { continue }
                leases.removeAll { $0.id == lease.id }
                bench.release(lease)
            } else {
                let before = bench.state.placement.table.ranks
                let lease = try bench.lease(models)
                let index = try #require(bench.state.placement.indexByID[lease.runner])
                #expect(before[index] == before.min())
                leases.append(lease)
            }
        }
    }

    @Test func aBurstIsSpreadBecausePickingReserves() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 4), .serving("b", "m", slots: 4), .serving("c", "m", slots: 4))
        for call in 1...12 {
            _ = try bench.lease(["m"])
            let active = bench.state.snapshot(now: bench.now).runners.map(\.active)
            #expect(active.reduce(0, +) == call)
            #expect((active.max() ?? 0) - (active.min() ?? 0) <= 1)
        }
        _ = try bench.waiter(["m"], forMachine: false)
    }

    @Test func loadIsMeasuredBySlotsTimesWeight() throws {
        var slots = Bench.ready(.serving("small", "m", slots: 2), .serving("large", "m", slots: 6))
        for _ in 0..<4 { _ = try slots.lease(["m"]) }
        #expect(slots.active("small") == 1)
        #expect(slots.active("large") == 3)
        var weights = Bench.ready(.serving("slow", "m", slots: 8), .serving("quick", "m", slots: 8, weight: 3))
        for _ in 0..<8 { _ = try weights.lease(["m"]) }
        #expect(weights.active("slow") == 2)
        #expect(weights.active("quick") == 6)
    }

    @Test func theNextTierServesOnlyWhenTheBetterIsFull() throws {
        var bench = Bench.ready(
            .serving("plain", "m", slots: 4), .serving("cpu", "m", type: "cpu"),
            .serving("gpu", "m", slots: 2, type: "gpu"))
        let order = try (0..<5).map { _ in try bench.lease(["m"], prefer: ["gpu", "cpu"]) }
        #expect(order.map(\.runner) == ["gpu", "gpu", "cpu", "plain", "plain"])
        bench.release(order[1])
        #expect(try bench.lease(["m"], prefer: ["gpu", "cpu"]).runner == "gpu")
    }

    @Test func anyModelOfTheClassServes() throws {
        var bench = Bench.ready(.serving("a", "m1"), .serving("b", "m2", "m3"))
        let leases = [try bench.lease(["m1", "m2"]), try bench.lease(["m1", "m2"])]
        #expect(leases.map(\.runner) == ["a", "b"])
        #expect(leases.map(\.model) == ["m1", "m2"])
        #expect(leases.allSatisfy { $0.waited == .zero && $0.wake == nil })
    }

    @Test func onlyReadyRunnersThatServeTheModelArePicked() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "other"), .serving("c", "m"), .serving("d", "m"))
        bench.refused("a")
        bench.couldNotConnect("d")
        #expect(try bench.lease(["m"]).runner == "c")
        _ = try bench.waiter(["m"])
        #expect(bench.active("b") == 0)
    }

    @Test func excludedRunnersAreNotPicked() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 9), .serving("b", "m", slots: 2))
        for _ in 0..<2 {
            guard case .granted(let lease) = bench.place(["m"], excluding: ["a"]) else { throw Disappointment() }
            #expect(lease.runner == "b")
        }
        _ = try bench.waiter(["m"], excluding: ["a"])
        #expect(try bench.refusal(["m"], exact: true, excluding: ["a", "b"]).code == .noRunnerAvailable)
    }

    @Test func theLeaseNamesTheEnginesModel() throws {
        let runner = Runner(id: "a", slots: 2, statedModels: ["m"], aliases: ["m": "engine/m"])
        var bench = Bench.ready(runner)
        let lease = try bench.lease(["m"])
        #expect(lease.model == "m")
        #expect(lease.engineModel == "engine/m")
    }

    @Test func returningALeaseTwiceChangesNothingButACounter() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 2))
        let (first, second) = (try bench.lease(["m"]), try bench.lease(["m"]))
        bench.release(first)
        bench.release(first)
        let snapshot = bench.state.snapshot(now: bench.now)
        #expect(snapshot.runners[0].active == 1)
        #expect(snapshot.leases == 1)
        #expect(snapshot.doubleReturns == 1)
        bench.release(second)
        #expect(bench.active("a") == 0)
    }

    @Test func aRunnerIsAddedOnce() {
        let bench = Bench(.serving("a", "m"), .serving("a", "other", slots: 7))
        #expect(bench.state.snapshot(now: bench.now).runners.map(\.runner.slots) == [1])
    }

    // MARK: Lists of models

    /// The runners of a list are computed once, and again when the fleet changes.
    @Test func aListIsRecomputedWhenTheFleetChanges() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 9))
        let models: [ModelID] = ["m", "n"]
        for _ in 0..<2 { #expect(try bench.lease(models).runner == "a") }
        bench.put(.serving("b", "n", slots: 9))
        bench.answered("b")
        let late = try bench.lease(models)
        #expect(late.runner == "b" && late.model == "n")
        bench.put(.serving("b", "m", "n", slots: 9))
        bench.answered("b")
        let moved = try bench.lease(models)
        #expect(moved.runner == "b" && moved.model == "m", "the first model of the list that the runner serves")
        bench.remove("b")
        for _ in 0..<4 { #expect(try bench.lease(models).runner == "a") }
    }

    /// Lists of the same length, and more of them than are cached.
    @Test func listsOfTheSameLengthAreDistinct() throws {
        let models = (0..<200).map { ModelID("m\($0)") }
        var bench = Bench(models.enumerated().map { .serving(RunnerID("r\($0)"), $1, slots: 9) })
        for number in models.indices { bench.answered(RunnerID("r\(number)")) }
        for _ in 0..<2 {
            for number in models.indices.dropLast() {
                let lease = try bench.lease([models[number], models[number + 1]])
                #expect([models[number], models[number + 1]].contains(lease.model))
                #expect(lease.runner.rawValue.dropFirst() == lease.model.rawValue.dropFirst())
                bench.release(lease)
            }
        }
    }
}
