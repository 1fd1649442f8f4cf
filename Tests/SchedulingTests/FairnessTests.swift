import SimpleAICore
import Testing

@testable import Scheduling

/// Callers who wait for the same slots.
@Suite struct FairnessTests {
    /// One slot, taken; what is served from now on was waiting.
    private func saturated(_ models: ModelID..., configure: (inout SchedulerState.Configuration) -> Void = { _ in })
        throws -> (Bench, Lease)
    {
        let runner = Runner(id: "a", slots: 1, statedModels: models)
        var bench = Bench.ready(runner, configure: configure)
        let held = try bench.lease([models[0]])
        return (bench, held)
    }

    /// In which order those who wait are served, one after the other.
    private func order(_ bench: inout Bench, after held: Lease) -> [WaiterID] {
        var lease: Lease? = held
        while let current = lease {
            let served = bench.grants().count
            bench.release(current)
            lease = bench.grants().dropFirst(served).first?.lease
        }
        return bench.grants().map(\.waiter)
    }

    @Test func callersTakeTurns() throws {
        var (bench, held) = try saturated("m")
        var waiters: [String: [WaiterID]] = [:]
        for caller in ["x", "x", "x", "x", "y", "z", "y", "z"] {
            waiters[caller, default: []].append(try bench.waiter(["m"], caller: caller))
        }
        let (x, y, z) = (waiters["x"] ?? [], waiters["y"] ?? [], waiters["z"] ?? [])
        #expect(order(&bench, after: held) == [x[0], y[0], z[0], x[1], y[1], z[1], x[2], x[3]])
    }

    /// Who asks again as soon as it is answered shares by halves with whoever has forty calls waiting.
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
        // The first slot is for whoever came first.
        #expect(served == (0..<20).map { !$0.isMultiple(of: 2) })
    }

    /// Whoever leaves the line and comes back has nothing saved up.
    @Test func comingAndGoingGainsNothing() throws {
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

    /// Who comes back after a while is behind those who have had their turns meanwhile.
    @Test func whoComesBackIsDueOneTurnFromNow() throws {
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

    /// A steady stream of newcomers, each with one call, does not keep a caller with many from its turn.
    @Test func newcomersDoNotStarveWhoWasThere() throws {
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
        // There are ever more of them, and each has as good a right to a turn.
        #expect(served >= 4, "\(served) of 15")
    }

    @Test func aQueueBesideIsNoSecondShare() throws {
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

    /// What a caller uses of one class's machines costs it nothing with another's.
    @Test func classesThatShareNoMachineShareNoTurns() throws {
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
            // Slots of the other class between, which count for nothing here.
            for _ in 0..<2 {
                bench.release(onA)
                onA = try #require(bench.grants().last?.lease)
            }
            bench.release(onB)
            onB = try #require(bench.lease(of: waiter))
        }
    }

    // MARK: Several machines

    /// Two who ask for a class take turns on both machines; one who needs a certain model has only the second.
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

    /// The same on three machines, whose slots become free in turn: nobody gets a share at each.
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

    /// A priority is worth as much on three machines as on one, for those who keep calls waiting and for those who come
    /// with one at a time.
    @Test(arguments: [false, true])
    func aHigherPriorityIsWorthTheSameOnAFleet(_ isOneAtATime: Bool) throws {
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

    /// Nor does it matter that between two slots of one machine there are more turns on the others than are remembered.
    @Test func aHigherPriorityIsWorthTheSameOnManyMachines() throws {
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

    /// Whoever is served elsewhere again and again still gets the call served that only one machine can serve.
    @Test func whoIsServedElsewhereIsNotPutOffForEver() throws {
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
            // The first forty that came to wait are the busy one's.
            if grant.waiter.number <= 40 { served += 1 }
        }
        #expect(served >= 2, "\(served) of 30 slots that three others wait for")
    }

    /// What could not have come here counts for nothing here.
    @Test func whatIsForOneMachineCostsNothingOnAnother() throws {
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

    /// Three machines with one slot each, all taken.
    private func fleet() throws -> (Bench, [Lease]) {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"), .serving("c", "m"))
        let held = try (0..<3).map { _ in try bench.lease(["m"]) }
        return (bench, held)
    }

    // MARK: A queue that is full

    @Test func aBurstDoesNotFillTheQueueAgainstOthers() throws {
        var (bench, held) = try saturated("m") { $0.queueLength = 4 }
        var burst: [WaiterID] = []
        for _ in 0..<4 { burst.append(try bench.waiter(["m"], caller: "x")) }
        // Its own next call is one too many.
        guard case .refused(let error) = bench.place(["m"], caller: "x") else {
            Issue.record("the queue is not bounded")
            return
        }
        #expect(error.code == .queueFull)
        #expect(!burst.contains(where: bench.hasAnswer))
        // Others' calls find room, at the price of its newest.
        let others = [try bench.waiter(["m"], caller: "y"), try bench.waiter(["m"], caller: "z")]
        #expect(burst.map(bench.hasAnswer) == [false, false, true, true])
        #expect(bench.rejection(of: burst[3])?.code == .queueFull)
        #expect(bench.rejection(of: burst[3])?.retry == .after(.seconds(5)))
        #expect(bench.waiting == 4)
        // Nobody has more than one call more than whoever comes now would have.
        guard case .refused = bench.place(["m"], caller: "y") else {
            Issue.record("one of two callers with as many calls gives way")
            return
        }
        _ = try bench.waiter(["m"], caller: "new")
        #expect(order(&bench, after: held).prefix(3) == [burst[0], others[0], others[1]])
    }

    @Test func aCallThatGivesWayLeavesOtherModelsAlone() throws {
        var (bench, _) = try saturated("m", "n") { $0.queueLength = 2 }
        let elsewhere = try (0..<2).map { _ in try bench.waiter(["n"], caller: "x") }
        let here = try (0..<2).map { _ in try bench.waiter(["m"], caller: "x") }
        _ = try bench.waiter(["m"], caller: "y")
        #expect(elsewhere.map(bench.hasAnswer) == [false, false])
        #expect(here.map(bench.hasAnswer) == [false, true])
    }

    // MARK: Priorities

    /// Each level is worth twice the turns, and the others go on being served.
    @Test(arguments: [(1, 2), (2, 4), (4, 16)])
    func aHigherPriorityGetsMoreTurnsAndNotAll(_ level: Int, _ share: Int) throws {
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

    /// Ten who wait for their turns do not hold back one with a priority and a single call.
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

extension WaitQueue {
    /// Everybody, in no order.
    var waiters: [Waiter] {
        var everybody: [Waiter] = []
        _ = contains {
            everybody.append($0)
            return false
        }
        return everybody
    }
}
