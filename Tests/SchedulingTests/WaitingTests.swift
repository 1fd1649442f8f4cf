import SimpleAICore
import Testing

@testable import Scheduling

/// Calls that wait for a slot of a runner that is awake.
@Suite struct WaitingTests {
    @Test func aFreedSlotGoesToTheLongestWaitingCall() throws {
        var bench = Bench.ready(.serving("a", "m", "n", slots: 1))
        let held = try bench.lease(["m"])
        // Across callers that request classes and callers that request ids.
        let first = try bench.waiter(["n", "m"], forMachine: false)
        bench.pass(.seconds(1))
        let second = try bench.waiter(["m"], exact: true)
        let third = try bench.waiter(["n", "m"])
        bench.pass(.seconds(2))
        bench.release(held)
        let lease = try #require(bench.lease(of: first))
        #expect(lease.waited == .seconds(3))
        #expect(lease.wake == nil)
        #expect(lease.model == "n")
        #expect(!bench.hasOutcome(second) && !bench.hasOutcome(third))
        bench.release(lease)
        #expect(bench.lease(of: second)?.waited == .seconds(2))
        bench.release(try #require(bench.lease(of: second)))
        #expect(bench.lease(of: third) != nil)
        #expect(bench.waiting == 0)
    }

    @Test func anUnservableCallDelaysNoOther() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m", "n"))
        let (onA, onB) = (try bench.lease(["m"]), try bench.lease(["n"]))
        let avoidsA = try bench.waiter(["m"], excluding: ["a"])
        let later = try bench.waiter(["m"])
        bench.release(onA)
        #expect(bench.lease(of: later)?.runner == "a")
        #expect(!bench.hasOutcome(avoidsA))
        bench.release(onB)
        #expect(bench.lease(of: avoidsA)?.runner == "b")
    }

    @Test func aQueueIsBoundedPerSetOfModels() throws {
        var bench = Bench.ready(.serving("a", "m", "n")) { $0.queueLength = 2 }
        let held = try bench.lease(["m"])
        let first = try bench.waiter(["m"])
        _ = try bench.waiter(["m"])
        let refusal = try bench.refusal(["m"])
        #expect(refusal.code == .queueFull)
        #expect(refusal.retry == .after(.seconds(5)))
        _ = try bench.waiter(["n"])
        bench.release(held)
        #expect(bench.lease(of: first) != nil)
        _ = try bench.waiter(["m"])
    }

    @Test func waitingForASlotHasADeadline() throws {
        var bench = Bench.ready(.serving("a", "m")) { $0.queueTimeout = .seconds(10) }
        let held = try bench.lease(["m"])
        let first = try bench.waiter(["m"])
        bench.pass(.seconds(4))
        let second = try bench.waiter(["m"])
        bench.pass(.milliseconds(5999))
        #expect(!bench.hasOutcome(first))
        bench.pass(.milliseconds(1))
        #expect(bench.rejection(of: first)?.code == .queueFull)
        #expect(bench.rejection(of: first)?.retry == .after(.seconds(5)))
        #expect(!bench.hasOutcome(second))
        bench.pass(.seconds(4))
        #expect(bench.rejection(of: second)?.code == .queueFull)
        bench.release(held)
        #expect(bench.grants().isEmpty)
        #expect(bench.timer == nil)
    }

    @Test func anAbandonedCallGetsNoSlot() throws {
        var bench = Bench.ready(.serving("a", "m"))
        let held = try bench.lease(["m"])
        let (first, second) = (try bench.waiter(["m"]), try bench.waiter(["m"]))
        bench.abandon(first, ["m"])
        bench.abandon(first, ["m"])
        bench.release(held)
        #expect(!bench.hasOutcome(first))
        #expect(bench.lease(of: second) != nil)
        #expect(bench.waiting == 0)
        bench.pass(.seconds(3600))
        #expect(!bench.hasOutcome(first))
    }

    @Test func aSuspectRunnerKeepsItsWaitersUntilAProbeDecides() throws {
        var bench = Bench.ready(.serving("a", "m"))
        let held = try bench.lease(["m"])
        let (first, second) = (try bench.waiter(["m"]), try bench.waiter(["m"]))
        bench.couldNotConnect("a")
        #expect(bench.state("a") == .unknown)
        bench.release(held)
        // The runner gets no call while its state is uncertain.
        let third = try bench.waiter(["m"])
        #expect(bench.grants().isEmpty)
        bench.answered("a")
        #expect(bench.grants().map(\.waiter) == [first])
        bench.couldNotConnect("a")
        bench.refused("a")
        #expect(bench.state("a") == .down)
        for waiter in [second, third] {
            #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
            #expect(bench.rejection(of: waiter)?.retry == .after(.seconds(10)))
        }
    }

    /// A flapping runner must not postpone a call's deadline repeatedly.
    @Test func anUnknownStateDoesNotExtendTheDeadline() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 1)) { $0.queueTimeout = .seconds(10) }
        _ = try bench.lease(["m"])
        let waiter = try bench.waiter(["m"])
        for _ in 0..<4 {
            bench.pass(.seconds(2))
            bench.couldNotConnect("a")
            bench.answered("a")
        }
        #expect(!bench.hasOutcome(waiter))
        bench.pass(.seconds(2))
        #expect(bench.rejection(of: waiter)?.code == .queueFull)
    }

    @Test func callsForADownRunnerAreRefusedImmediately() throws {
        var bench = Bench.ready(.serving("a", "m"))
        bench.refused("a")
        let refusal = try bench.refusal(["m"])
        #expect(refusal.code == .noRunnerAvailable)
        #expect(refusal.retry == .after(.seconds(10)))
        #expect(bench.wakes().isEmpty)
        bench.answered("a")
        _ = try bench.lease(["m"])
    }

    @Test func callsDoNotWaitForAModelThatIsNotListedAnyMore() throws {
        var bench = Bench(Runner(id: "a"), Runner(id: "b"), Runner(id: "sleeper", canBeWoken: true))
        bench.answered("a", ["m", "x"])
        bench.answered("b", ["x"])
        bench.answered("sleeper", ["m"])
        bench.unreachable("sleeper", times: 3)
        _ = try bench.lease(["m"])
        let waiter = try bench.waiter(["m"], forMachine: false)
        bench.answered("a", ["x"])
        // The sleeping machine is now the only candidate.
        #expect(bench.wakes() == ["sleeper"])
        #expect(!bench.hasOutcome(waiter))
        bench.answered("sleeper", ["m"])
        #expect(bench.lease(of: waiter)?.runner == "sleeper")
    }

    @Test func aModelThatAppearsServesWaitingCalls() throws {
        var bench = Bench(Runner(id: "a"), Runner(id: "b"))
        bench.answered("a", ["m"])
        bench.answered("b", [])
        _ = try bench.lease(["m"])
        let waiter = try bench.waiter(["m"])
        bench.answered("b", ["m"])
        #expect(bench.lease(of: waiter)?.runner == "b")
    }
}

/// Runners without any evidence yet, and models that no runner has.
@Suite struct UnknownsTests {
    @Test func beforeTheFirstProbeCallsWait() throws {
        var bench = Bench(Runner(id: "a"), .serving("b", "stated"))
        let stated = try bench.waiter(["stated"], exact: true, forMachine: false)
        let anything = try bench.waiter(["anything"], exact: true)
        let listed = try bench.waiter(["m"])
        bench.answered("b")
        #expect(bench.lease(of: stated)?.runner == "b")
        #expect(!bench.hasOutcome(anything) && !bench.hasOutcome(listed))
        bench.answered("a", ["m"])
        #expect(bench.lease(of: listed)?.runner == "a")
        #expect(bench.rejection(of: anything)?.code == .modelNotFound)
        #expect(bench.rejection(of: anything)?.param == "model")
    }

    @Test func waitingForTheFirstProbeHasADeadline() throws {
        var bench = Bench(Runner(id: "a")) { $0.queueTimeout = .seconds(10) }
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(10))
        #expect(bench.rejection(of: waiter)?.code == .noRunnerAvailable)
        #expect(bench.rejection(of: waiter)?.retry == .after(.seconds(5)))
    }

    @Test func onceAllRunnersAreKnownUnknownIdsAreClientErrors() throws {
        var bench = Bench(Runner(id: "a"), .serving("b", "stated"))
        bench.answered("a", ["m"])
        // The other runner has not responded, but the settings state its models.
        #expect(try bench.refusal(["none"], exact: true).code == .modelNotFound)
        #expect(try bench.refusal(["none"]).code == .noRunnerAvailable)
        // A known model whose runner is unreachable is not the caller's mistake.
        bench.refused("a")
        #expect(try bench.refusal(["m"], exact: true).code == .noRunnerAvailable)
    }

    @Test func probesAreCountedInARow() {
        var bench = Bench.ready(.serving("a", "m", wakes: true), .serving("b", "m"))
        bench.unreachable("a", times: 2)
        bench.answered("a")
        bench.unreachable("a", times: 2)
        #expect(bench.state("a") == .ready)
        bench.unreachable("a")
        #expect(bench.state("a") == .asleep)
        bench.unreachable("b", times: 3)
        #expect(bench.state("b") == .lost)
        bench.answered("b")
        #expect(bench.state("b") == .ready)
    }

    @Test func aBusyEngineThatMissesProbesIsNotAsleep() {
        var bench = Bench.ready(.serving("a", "m", wakes: true))
        for _ in 0..<10 {
            bench.unreachable("a", lastContactAt: bench.now)
            bench.passWithoutTimer(.seconds(5))
            // A byte arrived since the previous probe.
            bench.unreachable("a", lastContactAt: bench.now)
            bench.passWithoutTimer(.seconds(5))
        }
        #expect(bench.state("a") == .ready)
        let silentSince = bench.now
        bench.passWithoutTimer(.seconds(1))
        bench.unreachable("a", times: 3, lastContactAt: silentSince)
        #expect(bench.state("a") == .asleep)
    }

    @Test func aFailedConnectionCountsAsAProbe() {
        var bench = Bench.ready(.serving("a", "m", wakes: true))
        bench.couldNotConnect("a")
        bench.unreachable("a")
        #expect(bench.state("a") == .unknown)
        bench.unreachable("a")
        #expect(bench.state("a") == .asleep)
        bench.couldNotConnect("a")
        #expect(bench.state("a") == .asleep)
    }

    @Test func aHostWithoutItsEngineIsDownUntilItIsGone() {
        var bench = Bench.ready(.serving("a", "m", wakes: true), .serving("b", "m"))
        bench.unreachable("a", times: 2)
        bench.refused("a")
        #expect(bench.state("a") == .down)
        bench.unreachable("a", times: 2)
        #expect(bench.state("a") == .down)
        bench.unreachable("a")
        #expect(bench.state("a") == .asleep)
        bench.unreachable("b", times: 3)
        bench.refused("b")
        #expect(bench.state("b") == .down)
    }

    @Test func eventsOfUnknownIDsChangeNothing() {
        var bench = Bench.ready(.serving("a", "m"))
        bench.answered("z", ["m"])
        bench.unreachable("z", times: 3)
        bench.refused("z")
        bench.couldNotConnect("z")
        #expect(bench.effects.isEmpty)
    }
}
