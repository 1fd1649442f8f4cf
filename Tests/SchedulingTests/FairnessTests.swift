import SimpleAICore
import Testing

@testable import Scheduling

/// Callers that wait for the same slots.
@Suite struct FairnessTests {
    /// One slot, in use; every later call has to wait.
    private func saturated(_ models: ModelID..., configure: (inout SchedulerState.Configuration) -> Void = { _ in })
        throws -> (Bench, Lease)
    {
        let runner = Runner(id: "a", slots: 1, statedModels: models)
        var bench = Bench.ready(runner, configure: configure)
        let held = try bench.lease([models[0]])
        return (bench, held)
    }

    /// The order in which the waiting calls are served, one after the other.
    private func order(_ bench: inout Bench, after held: Lease) -> [WaiterID] {
        var lease: Lease? = held
        while let current = lease {
            let served = bench.grants().count
            bench.release(current)
            lease = bench.grants().dropFirst(served).first?.lease
        }
        return bench.grants().map(\.waiter)
    }

    @Test func callersShareSlotsFairly() throws {
        var (bench, held) = try saturated("m")
        var waiters: [String: [WaiterID]] = [:]
        for caller in ["x", "x", "x", "x", "y", "z", "y", "z"] {
            waiters[caller, default: []].append(try bench.waiter(["m"], caller: caller))
        }
        let (x, y, z) = (waiters["x"] ?? [], waiters["y"] ?? [], waiters["z"] ?? [])
        #expect(order(&bench, after: held) == [x[0], y[0], z[0], x[1], y[1], z[1], x[2], x[3]])
    }

    /// A caller with one call at a time gets half of the slots, although another caller has forty calls waiting.
    @Test func oneCallAtATimeGetsEveryOtherSlot() throws {
        var (bench, held) = try saturated("m")
        for _ in 0..<40 { _ = try bench.waiter(["m"], caller: "script") }
        var served: [Bool] = []
        var own = try bench.waiter(["m"], caller: "person")
        for _ in 0..<20 {
            bench.release(held)
            let grant = try #require(bench.grants().last)
            held = grant.lease
            served.append(grant.waiter == own)
            if grant.waiter == own { own = try bench.waiter(["m"], caller: "person") }
        }
        // The first slot goes to the first call.
        #expect(served == (0..<20).map { !$0.isMultiple(of: 2) })
    }

    /// A caller that leaves the queue and returns has no credit from the absence.
    @Test func leavingAndReturningGainsNothing() throws {
        var (bench, held) = try saturated("m")
        var steady: [WaiterID] = []
        for _ in 0..<12 { steady.append(try bench.waiter(["m"], caller: "steady")) }
        var restless = try bench.waiter(["m"], caller: "restless")
        var served = 0
        for _ in 0..<12 {
            for _ in 0..<3 {
                bench.abandon(restless, ["m"])
                restless = try bench.waiter(["m"], caller: "restless")
            }
            bench.release(held)
            let grant = try #require(bench.grants().last)
            held = grant.lease
            guard grant.waiter == restless else { continue }
            served += 1
            restless = try bench.waiter(["m"], caller: "restless")
        }
        #expect(served == 6)
    }

    /// A caller that returns after a while queues behind callers that were served meanwhile.
    @Test func aReturningCallerStartsAtTheCurrentVirtualTime() throws {
        var (bench, held) = try saturated("m")
        _ = try bench.waiter(["m"], caller: "x")
        var names: [WaiterID: String] = [:]
        for caller in ["a", "b", "c", "d", "a", "b", "c", "d", "a", "b", "c", "d", "a", "b", "c", "d"] {
            names[try bench.waiter(["m"], caller: caller)] = caller
        }
        func next() throws -> String? {
            bench.release(held)
            let grant = try #require(bench.grants().last)
            held = grant.lease
            return names[grant.waiter]
        }
        // x, and three rounds of the others.
        for _ in 0..<13 { _ = try next() }
        _ = try bench.waiter(["m"], caller: "x")
        let served = try (0..<5).map { _ in try next() }
        #expect(served == ["a", "b", "c", "d", nil])
    }

    /// A steady stream of new callers, each with one call, does not starve a caller with many.
    @Test func newCallersDoNotStarveWaitingOnes() throws {
        var (bench, held) = try saturated("m")
        for _ in 0..<8 { _ = try bench.waiter(["m"], caller: "old") }
        let old = Set(bench.state.queue.waiters.map(\.id))
        var served = 0
        for round in 0..<15 {
            _ = try bench.waiter(["m"], caller: "new \(round)")
            bench.release(held)
            let grant = try #require(bench.grants().last)
            held = grant.lease
            if old.contains(grant.waiter) { served += 1 }
        }
        // The number of new callers grows, and each has the same right to be served.
        #expect(served >= 4, "\(served) of 15")
    }

    @Test func aSecondQueueIsNotASecondShare() throws {
        var (bench, held) = try saturated("m", "n")
        var waiters: [WaiterID] = []
        for _ in 0..<4 {
            waiters.append(try bench.waiter(["m"], caller: "x"))
            waiters.append(try bench.waiter(["n"], exact: true, caller: "x"))
        }
        var others: [WaiterID] = []
        for _ in 0..<4 { others.append(try bench.waiter(["m", "n"], caller: "y")) }
        let expected = zip(waiters, others).flatMap { [$0, $1] } + waiters.dropFirst(4)
        #expect(order(&bench, after: held) == expected)
    }

    /// Usage of one class's machines costs a caller nothing at another class's.
    @Test func classesWithoutCommonMachinesQueueSeparately() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "n"))
        var (onA, onB) = (try bench.lease(["m"]), try bench.lease(["n"]))
        for _ in 0..<20 { _ = try bench.waiter(["m"], caller: "x") }
        for _ in 0..<10 {
            bench.release(onA)
            onA = try #require(bench.grants().last?.lease)
        }
        var first: [WaiterID] = []
        for caller in ["x", "y", "x", "y"] { first.append(try bench.waiter(["n"], caller: caller)) }
        for waiter in first {
            // Slots of the other class in between, which do not count here.
            for _ in 0..<2 {
                bench.release(onA)
                onA = try #require(bench.grants().last?.lease)
            }
            bench.release(onB)
            onB = try #require(bench.lease(of: waiter))
        }
    }

    // MARK: Several machines

    /// Two callers of a class alternate on both machines; a caller that needs a certain model can use only the
    /// second.
    @Test func aModelOfOneMachineIsNotStarvedByAClass() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "n"))
        var held = [try bench.lease(["m"]), try bench.lease(["n"])]
        for _ in 0..<20 { for caller in ["x", "y"] { _ = try bench.waiter(["m", "n"], caller: caller) } }
        let picky = try bench.waiter(["n"], exact: true, caller: "z")
        for round in 0..<4 {
            bench.release(held[round % 2])
            held[round % 2] = try #require(bench.grants().last?.lease)
        }
        let served = bench.lease(of: picky) != nil
        #expect(served, "x and y have had four turns, z none")
    }

    /// The same on three machines whose slots become free in sequence: no caller gets a share at each machine.
    @Test func oneCallAtATimeGetsEveryOtherSlotOfAFleet() throws {
        var (bench, held) = try fleet()
        for _ in 0..<60 { _ = try bench.waiter(["m"], caller: "script") }
        var served = 0
        var own = try bench.waiter(["m"], caller: "person")
        for round in 0..<30 {
            bench.release(held[round % 3])
            let grant = try #require(bench.grants().last)
            held[round % 3] = grant.lease
            guard grant.waiter == own else { continue }
            served += 1
            own = try bench.waiter(["m"], caller: "person")
        }
        #expect(served == 15)
    }

    /// A priority has the same weight on three machines as on one, for callers with many waiting calls and for
    /// callers with one call at a time.
    @Test(arguments: [false, true])
    func aPriorityHasTheSameWeightOnAFleet(_ isOneAtATime: Bool) throws {
        var (bench, held) = try fleet()
        for _ in 0..<60 { _ = try bench.waiter(["m"], caller: "low") }
        var high: Set<WaiterID> = []
        for _ in 0..<(isOneAtATime ? 1 : 60) { high.insert(try bench.waiter(["m"], caller: "high", priority: 2)) }
        for round in 0..<50 {
            bench.release(held[round % 3])
            let grant = try #require(bench.grants().last)
            held[round % 3] = grant.lease
            if isOneAtATime, high.contains(grant.waiter) {
                high.insert(try bench.waiter(["m"], caller: "high", priority: 2))
            }
        }
        let served = bench.grants().count { high.contains($0.waiter) }
        #expect((38...42).contains(served), "\(served) of 50, where four of five are its share")
    }

    /// The result is the same if other machines grant more slots between two slots of one machine than are remembered.
    @Test func aPriorityHasTheSameWeightOnManyMachines() throws {
        var bench = Bench()
        for number in 0..<100 {
            let runner = RunnerID("r\(number)")
            bench.put(Runner(id: runner, slots: 1, statedModels: ["m"]))
            bench.answered(runner, ["m"])
        }
        var held = try (0..<100).map { _ in try bench.lease(["m"]) }
        var high: Set<WaiterID> = []
        for _ in 0..<4 {
            _ = try bench.waiter(["m"], caller: "low")
            high.insert(try bench.waiter(["m"], caller: "high", priority: 1))
        }
        var served = 0
        for round in 0..<900 {
            bench.forgetEffects()
            bench.release(held[round % 100])
            let grant = try #require(bench.grants().last)
            held[round % 100] = grant.lease
            if high.contains(grant.waiter) {
                served += 1
                high.insert(try bench.waiter(["m"], caller: "high", priority: 1))
            } else {
                _ = try bench.waiter(["m"], caller: "low")
            }
        }
        #expect((570...630).contains(served), "\(served) of 900, where two of three are its share")
    }

    /// A caller that is repeatedly served elsewhere still gets a call served that only one machine can serve.
    @Test func aCallerServedElsewhereIsNotDeferredForever() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "n"))
        var (onA, onB) = (try bench.lease(["m"]), try bench.lease(["n"]))
        for _ in 0..<40 { _ = try bench.waiter(["m", "n"], caller: "busy") }
        for caller in ["x", "y", "z"] {
            for _ in 0..<40 { _ = try bench.waiter(["n"], exact: true, caller: caller) }
        }
        var served = 0
        for _ in 0..<30 {
            bench.release(onA)
            onA = try #require(bench.grants().last?.lease)
            bench.release(onB)
            let grant = try #require(bench.grants().last)
            onB = grant.lease
            // The first forty waiting calls are the busy caller's.
            if grant.waiter.number <= 40 { served += 1 }
        }
        #expect(served >= 2, "\(served) of 30 slots that three others wait for")
    }

    /// Calls that could not run on this machine do not count here.
    @Test func callsForOneMachineCostNothingOnAnother() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"))
        var held: [RunnerID: Lease] = [:]
        for _ in 0..<2 {
            let lease = try bench.lease(["m"])
            held[lease.runner] = lease
        }
        for _ in 0..<20 { _ = try bench.waiter(["m"], only: "a", caller: "x") }
        let other = try bench.waiter(["m"], only: "b", caller: "x")
        for _ in 0..<20 { _ = try bench.waiter(["m"], only: "b", caller: "y") }
        for _ in 0..<2 {
            for runner: RunnerID in ["a", "a", "b"] {
                bench.release(try #require(held[runner]))
                held[runner] = try #require(bench.grants().last?.lease)
            }
        }
        let served = bench.lease(of: other) != nil
        #expect(served)
    }

    /// Three machines with one slot each, all in use.
    private func fleet() throws -> (Bench, [Lease]) {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"), .serving("c", "m"))
        let held = try (0..<3).map { _ in try bench.lease(["m"]) }
        return (bench, held)
    }

    // MARK: Full queues

    @Test func aBurstDoesNotShutOtherCallersOutOfTheQueue() throws {
        var (bench, held) = try saturated("m") { $0.queueLength = 4 }
        var burst: [WaiterID] = []
        for _ in 0..<4 { burst.append(try bench.waiter(["m"], caller: "x")) }
        // Its own next call is one too many.
        guard case .refused(let error) = bench.place(["m"], caller: "x") else {
            Issue.record("the queue is not bounded")
            return
        }
        #expect(error.code == .queueFull)
        #expect(!burst.contains(where: bench.hasOutcome))
        // Other callers' calls are admitted, and evict its newest.
        let others = [try bench.waiter(["m"], caller: "y"), try bench.waiter(["m"], caller: "z")]
        #expect(burst.map(bench.hasOutcome) == [false, false, true, true])
        #expect(bench.rejection(of: burst[3])?.code == .queueFull)
        #expect(bench.rejection(of: burst[3])?.retry == .after(.seconds(5)))
        #expect(bench.waiting == 4)
        // The caller with the most waiting calls has at most one more than a new caller would have.
        guard case .refused = bench.place(["m"], caller: "y") else {
            Issue.record("one of two callers with equally many calls was evicted")
            return
        }
        _ = try bench.waiter(["m"], caller: "new")
        #expect(order(&bench, after: held).prefix(3) == [burst[0], others[0], others[1]])
    }

    @Test func evictionAffectsOnlyTheSameModels() throws {
        var (bench, _) = try saturated("m", "n") { $0.queueLength = 2 }
        let elsewhere = try (0..<2).map { _ in try bench.waiter(["n"], caller: "x") }
        let here = try (0..<2).map { _ in try bench.waiter(["m"], caller: "x") }
        _ = try bench.waiter(["m"], caller: "y")
        #expect(elsewhere.map(bench.hasOutcome) == [false, false])
        #expect(here.map(bench.hasOutcome) == [false, true])
    }

    // MARK: Priorities

    /// Each priority level doubles the share, and the other callers are still served.
    @Test(arguments: [(1, 2), (2, 4), (4, 16)])
    func aHigherPriorityGetsMoreSlotsButNotAll(_ level: Int, _ share: Int) throws {
        var (bench, held) = try saturated("m")
        for _ in 0..<100 { _ = try bench.waiter(["m"], caller: "low") }
        var high: Set<WaiterID> = []
        for _ in 0..<100 { high.insert(try bench.waiter(["m"], caller: "high", priority: level)) }
        for _ in 0..<(share + 1) * 4 {
            bench.release(held)
            held = try #require(bench.grants().last?.lease)
        }
        let served = bench.grants().count { high.contains($0.waiter) }
        #expect(served == share * 4, "\(served) of \(bench.grants().count)")
    }

    /// Ten waiting callers do not delay a single call with a higher priority.
    @Test func aHigherPriorityComesFirst() throws {
        var (bench, held) = try saturated("m")
        for round in 0..<3 {
            for caller in 0..<10 where round < 2 || caller > 0 { _ = try bench.waiter(["m"], caller: "low \(caller)") }
        }
        let urgent = try bench.waiter(["m"], caller: "high", priority: 4)
        let normal = try bench.waiter(["m"], caller: "another")
        let order = order(&bench, after: held)
        #expect(order.firstIndex(of: urgent) == 0)
        #expect(order.firstIndex(of: normal) == 11)
    }
}

extension FairQueue {
    /// All waiting calls, in no order.
    var waiters: [Waiter] {
        var everybody: [Waiter] = []
        _ = contains {
            everybody.append($0)
            return false
        }
        return everybody
    }
}
