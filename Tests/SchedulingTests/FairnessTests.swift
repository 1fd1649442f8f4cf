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

    /// Who asks again as soon as it is answered is never more than one turn of each other behind.
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
        #expect(served >= 5, "\(served) of 15")
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
