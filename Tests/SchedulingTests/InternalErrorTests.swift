import SimpleAICore
import Testing

@testable import Scheduling

/// Internal errors of engines (500): the request may have caused them, so one caller's do not count against a runner.
@Suite struct InternalErrorTests {
    private static let alice = CallerID(subject: "alice", issuer: "i")
    private static let bob = CallerID(subject: "bob", issuer: "i")

    private func bench() -> Bench {
        .ready(.serving("a", "m"), .serving("b", "m"), .serving("c", "m")) {
            $0.ejection = EjectionPolicy(failures: 3, duration: .seconds(10), maxShare: 0.5)
        }
    }

    /// Lets `caller` receive `times` internal errors from `a`; other runners' leases are returned without an outcome.
    private func fail(_ times: Int, for caller: CallerID, in bench: inout Bench) throws {
        var failed = 0
        for _ in 0..<200 where failed < times {
            let lease = try bench.lease(["m"])
            bench.release(lease, lease.runner == "a" ? .internalError(of: caller) : .undecided)
            if lease.runner == "a" { failed += 1 }
        }
        #expect(failed == times)
    }

    @Test func errorsOfOneCallerDoNotEject() throws {
        var bench = bench()
        try fail(40, for: Self.alice, in: &bench)
        #expect(bench.status("a")?.isEjected == false)
    }

    @Test func errorsOfSeveralCallersEject() throws {
        var bench = bench()
        try fail(2, for: Self.alice, in: &bench)
        #expect(bench.status("a")?.isEjected == false)
        try fail(1, for: Self.bob, in: &bench)
        #expect(bench.status("a")?.isEjected == true)
    }

    @Test func aServedCallBetweenThemStartsTheCountAnew() throws {
        var bench = bench()
        for _ in 0..<10 {
            try fail(1, for: Self.alice, in: &bench)
            try fail(1, for: Self.bob, in: &bench)
            for _ in 0..<3 { bench.release(try bench.lease(["m"]), .served) }
        }
        #expect(bench.status("a")?.isEjected == false)
    }

    /// One caller's error during a trial decides nothing: the next call is the trial.
    @Test func aTrialIsNotDecidedByOneCaller() throws {
        var bench = bench()
        for _ in 0..<100 where bench.status("a")?.isEjected == false {
            let lease = try bench.lease(["m"])
            bench.release(lease, lease.runner == "a" ? .failed : .served)
        }
        bench.pass(.seconds(10))
        try fail(3, for: Self.alice, in: &bench)
        for _ in 0..<6 { bench.release(try bench.lease(["m"]), .served) }
        #expect(bench.status("a")?.isEjected == false)
    }

    @Test func aLoadingEngineIsNotBlamed() throws {
        var bench = bench()
        for _ in 0..<60 {
            if case .granted(let lease) = bench.place(["m"]) { bench.release(lease, .loading) }
            bench.pass(.milliseconds(100))
        }
        for runner in ["a", "b", "c"] as [RunnerID] { #expect(bench.status(runner)?.isEjected == false) }
    }

    @Test func aLeaseStatesWhetherItsRunnerHasServedSinceItBecameReady() throws {
        var bench = Bench.ready(.serving("a", "m"))
        let first = try bench.lease(["m"])
        #expect(!first.runnerHasServed)
        bench.release(first, .served)
        let second = try bench.lease(["m"])
        #expect(second.runnerHasServed)
        bench.release(second, .served)
        bench.refused("a")
        bench.answered("a")
        #expect(try !bench.lease(["m"]).runnerHasServed)
    }
}
