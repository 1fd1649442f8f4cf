import SimpleAICore
import Testing

@testable import Scheduling

/// The differences between the policies of `routing.policy`.
@Suite struct PolicyTests {
    @Test func roundRobinIgnoresLoad() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 9), .serving("b", "m", slots: 9), .serving("c", "m", slots: 9))
        // "a" is far busier than the others, with calls of another class that only it serves.
        for _ in 0..<3 {
            let leases = try (0..<3).map { _ in try bench.lease(["m"], policy: .roundRobin) }
            #expect(leases.map(\.runner) == ["a", "b", "c"])
            for lease in leases where lease.runner != "a" { bench.release(lease) }
        }
        #expect(bench.active("a") == 3)
    }

    @Test func roundRobinPicksTheNextRunnerWithASlot() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"), .serving("c", "m"))
        let first = try bench.lease(["m"], policy: .roundRobin)
        _ = try bench.lease(["m"], policy: .roundRobin)
        bench.release(first)
        #expect(try bench.lease(["m"], policy: .roundRobin).runner == "c")
        #expect(try bench.lease(["m"], policy: .roundRobin).runner == "a")
    }

    /// Two classes have independent positions in the rotation.
    @Test func everyClassQueuesSeparately() throws {
        var bench = Bench.ready(.serving("a", "m", "n", slots: 9), .serving("b", "m", "n", slots: 9))
        #expect(try bench.lease(["m"], policy: .roundRobin).runner == "a")
        #expect(try bench.lease(["n"], policy: .roundRobin).runner == "a")
        #expect(try bench.lease(["m"], policy: .roundRobin).runner == "b")
        #expect(try bench.lease(["n"], policy: .roundRobin).runner == "b")
    }

    @Test func tierTakesPrecedenceOverRoundRobin() throws {
        var bench = Bench.ready(
            .serving("cpu", "m", slots: 9, type: "cpu"), .serving("gpu", "m", slots: 2, type: "gpu"))
        let order = try (0..<3).map { _ in try bench.lease(["m"], prefer: ["gpu"], policy: .roundRobin).runner }
        #expect(order == ["gpu", "gpu", "cpu"])
    }

    @Test func affinityKeepsAConversationOnItsRunner() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 4), .serving("b", "m", slots: 4), .serving("c", "m", slots: 4),
            .serving("d", "m", slots: 4))
        var homes: Set<RunnerID> = []
        for conversation in 0..<40 {
            let turns = try (0..<5).map { _ in
                let lease = try bench.lease(["m"], policy: .prefixAffinity, conversation: "\(conversation)")
                bench.release(lease)
                return lease.runner
            }
            #expect(Set(turns).count == 1)
            homes.formUnion(turns)
        }
        #expect(homes.count == 4)
    }

    /// One popular prefix must not pile up on one machine while the others idle.
    @Test func aPopularPrefixSpillsOver() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 8), .serving("b", "m", slots: 8), .serving("c", "m", slots: 8),
            .serving("d", "m", slots: 8))
        for calls in 1...24 {
            _ = try bench.lease(["m"], policy: .prefixAffinity, conversation: "shared")
            let active = ["a", "b", "c", "d"].compactMap { bench.active(RunnerID($0)) }
            let limit = Rendezvous.maxCalls(total: calls, capacity: 8, totalCapacity: 32)
            #expect(active.allSatisfy { $0 <= limit }, "\(active)")
        }
    }

    @Test func withoutAffinityTheLeastBusyRunnerServes() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 2), .serving("b", "m", slots: 2))
        let order = try (0..<4).map { _ in try bench.lease(["m"], policy: .prefixAffinity).runner }
        #expect(order == ["a", "b", "a", "b"])
    }
}

/// Runners that fail call after call.
@Suite struct EjectionTests {
    private static func bench(_ failures: Int = 3, share: Double = 0.5, runners: [RunnerID] = ["a", "b"]) -> Bench {
        var bench = Bench(runners.map { .serving($0, "m", slots: 4) }) {
            $0.ejection = EjectionPolicy(failures: failures, duration: .seconds(10), maxShare: share)
        }
        for runner in runners { bench.answered(runner) }
        bench.forgetEffects()
        return bench
    }

    /// Calls on `runner` fail, calls on others are served.
    private func fail(_ runner: RunnerID, times: Int, in bench: inout Bench) throws {
        var failed = 0
        for _ in 0..<100 where failed < times {
            let lease = try bench.lease(["m"])
            bench.release(lease, lease.runner == runner ? .failed : .served)
            if lease.runner == runner { failed += 1 }
        }
        #expect(failed == times)
    }

    private func runners(_ count: Int, in bench: inout Bench) throws -> Set<RunnerID> {
        Set(
            try (0..<count).map { _ in
                let lease = try bench.lease(["m"])
                bench.release(lease, .served)
                return lease.runner
            })
    }

    @Test func ejectsAFailingRunnerAndPutsItOnTrial() throws {
        var bench = Self.bench()
        try fail("a", times: 3, in: &bench)
        #expect(bench.effects.contains(.ejected("a", for: .seconds(10))))
        #expect(bench.status("a")?.isEjected == true)
        #expect(try runners(10, in: &bench) == ["b"])

        bench.pass(.seconds(10))
        // One call at a time until one was served.
        let calls = try (0..<3).map { _ in try bench.lease(["m"]) }
        #expect(calls.count { $0.runner == "a" } == 1)
        for call in calls { bench.release(call, .served) }
        #expect(bench.effects.contains(.readmitted("a")))
        #expect(bench.status("a")?.isEjected == false)
        #expect(try runners(4, in: &bench) == ["a", "b"])
    }

    @Test func aFailedTrialExtendsTheEjection() throws {
        var bench = Self.bench()
        try fail("a", times: 3, in: &bench)
        for rest in [20, 30] {
            bench.pass(.seconds(rest - 10))
            try fail("a", times: 1, in: &bench)
            #expect(bench.effects.contains(.ejected("a", for: .seconds(rest))))
        }
    }

    @Test func aServedCallStartsTheCountAnew() throws {
        var bench = Self.bench()
        for _ in 0..<5 {
            try fail("a", times: 2, in: &bench)
            _ = try runners(4, in: &bench)
        }
        #expect(bench.status("a")?.isEjected == false)
    }

    /// Half of two is one: the second runner stays, however often it fails.
    @Test func limitsTheShareOfEjectedRunners() throws {
        var bench = Self.bench(runners: ["a", "b"])
        try fail("a", times: 3, in: &bench)
        for _ in 0..<10 { bench.release(try bench.lease(["m"]), .failed) }
        #expect(bench.status("b")?.isEjected == false)
    }

    /// A runner that failed recently is better than no runner.
    @Test func anEjectedRunnerServesModelsThatNoOtherHas() throws {
        var bench = Bench.ready(.serving("a", "rare"), .serving("b", "m"), .serving("c", "m")) {
            $0.ejection = EjectionPolicy(failures: 1)
        }
        bench.release(try bench.lease(["rare"]), .failed)
        #expect(bench.status("a")?.isEjected == true)
        #expect(try bench.lease(["rare"]).runner == "a")
    }

    @Test func zeroFailuresEjectNoRunner() throws {
        var bench = Self.bench(0)
        try fail("a", times: 50, in: &bench)
        #expect(bench.status("a")?.isEjected == false)
    }

    @Test func aReturningRunnerStartsWithoutFailures() throws {
        var bench = Self.bench()
        try fail("a", times: 3, in: &bench)
        bench.refused("a")
        bench.answered("a")
        #expect(bench.status("a")?.isEjected == false)
        #expect(try runners(4, in: &bench) == ["a", "b"])
    }

    /// A waiting call gets the trial slot as soon as it is free.
    @Test func theTrialServesWaitingCalls() throws {
        var bench = Self.bench(1)
        try fail("a", times: 1, in: &bench)
        for _ in 0..<4 { _ = try bench.lease(["m"]) }
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(10))
        #expect(bench.lease(of: waiter)?.runner == "a")
    }
}

/// Runners that are added and removed while calls run.
@Suite struct LeavingTests {
    @Test func aRemovedRunnerFinishesItsCallsAndGetsNoMore() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 2), .serving("b", "m", slots: 1))
        let calls = [try bench.lease(["m"]), try bench.lease(["m"])]
        bench.remove("a")
        #expect(bench.status("a") == nil)
        let waiter = try bench.waiter(["m"])
        bench.release(calls[0], .served)
        #expect(bench.lease(of: waiter) == nil)
        bench.release(calls[1], .served)
        #expect(bench.lease(of: waiter)?.runner == "b")
        #expect(bench.state.snapshot(now: bench.now).leases == 1)
    }

    @Test func waitersOfARemovedRunnerFailWithoutAlternative() throws {
        var bench = Bench.ready(.serving("a", "m"))
        _ = try bench.lease(["m"])
        let waiter = try bench.waiter(["m"])
        bench.remove("a")
        #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
    }

    @Test func waitersOfAReplacedRunnerWaitForItsReplacement() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"))
        for _ in 1...2 { _ = try bench.lease(["m"]) }
        let waiter = try bench.waiter(["m"])
        bench.change(adding: [.serving("c", "m")], removing: ["a", "b"])
        #expect(!bench.hasOutcome(waiter))
        _ = try bench.waiter(["m"])
        bench.answered("c")
        #expect(bench.lease(of: waiter)?.runner == "c")
    }

    @Test func removalEndsTheWake() throws {
        var bench = Bench(.serving("a", "m", wakes: true))
        bench.unreachable("a", times: 3)
        let waiter = try bench.waiter(["m"], forMachine: true)
        bench.remove("a")
        #expect(bench.rejection(of: waiter) != nil)
        #expect(bench.effects.contains { if case .wakeEnded("a", _, _, false) = $0 { true } else { false } })
        bench.pass(.seconds(120))
        #expect(bench.packets() == [0])
    }

    @Test func aRemovedIDCanBeReusedImmediately() throws {
        var bench = Bench.ready(.serving("a", "m"))
        let old = try bench.lease(["m"])
        bench.remove("a")
        bench.put(.serving("a", "m", slots: 3))
        bench.answered("a")
        #expect(bench.active("a") == 0)
        _ = try bench.lease(["m"])
        bench.release(old, .served)
        #expect(bench.active("a") == 1)
    }

    /// A runner that registers repeatedly must not make the table grow.
    @Test func indicesOfRemovedRunnersAreReused() {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"))
        for _ in 0..<100 {
            bench.remove("a")
            bench.put(.serving("a", "m"))
            bench.answered("a")
        }
        #expect(bench.state.records.count == 2)
    }

    @Test func moreSlotsServeWaitingCalls() throws {
        var bench = Bench.ready(.serving("a", "m"))
        _ = try bench.lease(["m"])
        let waiter = try bench.waiter(["m"])
        bench.put(.serving("a", "m", slots: 2))
        #expect(bench.lease(of: waiter)?.runner == "a")
    }

    @Test func fewerSlotsLetCallsEnd() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 3))
        let calls = try (0..<3).map { _ in try bench.lease(["m"]) }
        bench.put(.serving("a", "m", slots: 1))
        let waiter = try bench.waiter(["m"])
        bench.release(calls[0])
        bench.release(calls[1])
        #expect(bench.lease(of: waiter) == nil)
        bench.release(calls[2])
        #expect(bench.lease(of: waiter) != nil)
    }
}
