import SimpleAICore
import Testing

@testable import Scheduling

/// Engines that accept connections before they can serve.
@Suite struct LoadingEngineTests {
    private func woken(slots: Int = 4) throws -> (Bench, [Lease]) {
        var bench = Bench(.serving("a", "m", slots: slots, wakes: true)) {
            $0.wakeTimeout = .seconds(60)
            $0.queueTimeout = .seconds(30)
        }
        bench.unreachable("a", times: 3)
        for _ in 0..<2 { _ = try bench.waiter(["m"], forMachine: true) }
        bench.pass(.seconds(3))
        bench.answered("a")
        let leases = bench.grants().map(\.lease)
        try #require(leases.count == 2)
        bench.forgetEffects()
        return (bench, leases)
    }

    @Test func callsWaitUntilOneIsServed() throws {
        var (bench, leases) = try woken()
        #expect(leases.allSatisfy { !$0.runnerHasServed })
        for lease in leases { bench.release(lease, .loading) }
        #expect(bench.state("a") == .loading)
        let waiters = [try bench.waiter(["m"]), try bench.waiter(["m"])]
        // The list proves nothing.
        bench.answered("a")
        #expect(bench.state("a") == .loading && bench.grants().isEmpty)
        // One trial at a time.
        bench.pass(.milliseconds(500))
        let trial = try #require(bench.lease(of: waiters[0]))
        #expect(bench.lease(of: waiters[1]) == nil)
        bench.release(trial, .loading)
        bench.pass(.milliseconds(999))
        #expect(bench.lease(of: waiters[1]) == nil)
        bench.pass(.milliseconds(1))
        let second = try #require(bench.lease(of: waiters[1]))
        let third = try bench.waiter(["m"])
        bench.release(second, .served)
        #expect(bench.state("a") == .ready)
        #expect(bench.lease(of: third)?.runnerHasServed == true)
        #expect(bench.status("a")?.isEjected == false)
    }

    /// An engine on trial takes a waiting call as soon as its agent reports the model in memory.
    @Test func aModelThatIsLoadedDuringTheTrialServesTheCallThatWaits() throws {
        var bench = Bench()
        bench.joined(Runner(id: "a"), ["m"])
        bench.release(try bench.lease(["m"]), .loading)
        #expect(bench.state("a") == .loading)
        var report = RunnerReport(
            admitsCalls: false, isStarting: true, models: [.init(engineID: "m", isLoaded: false)])
        bench.reported("a", report)
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(1))
        #expect(!bench.hasOutcome(waiter))
        report.models[0].isLoaded = true
        bench.reported("a", report)
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func aFailedTrialIsNotAFailureOfTheRunner() throws {
        var (bench, leases) = try woken()
        bench.release(leases[0], .loading)
        for _ in 0..<20 {
            let waiter = try bench.waiter(["m"])
            bench.pass(.seconds(2))
            bench.release(try #require(bench.lease(of: waiter)), .failed)
        }
        #expect(bench.state("a") == .loading)
        #expect(bench.status("a")?.isEjected == false)
        bench.release(leases[1], .served)
        #expect(bench.state("a") == .ready)
    }

    @Test func theDeadlineCountsFromTheFirstRefusal() throws {
        var (bench, leases) = try woken()
        bench.release(leases[0], .loading)
        bench.release(leases[1], .loading)
        let since = bench.now
        var error: GatewayError?
        for _ in 0..<100 where error == nil {
            let waiter = try bench.waiter(["m"], loadingSince: since)
            while bench.lease(of: waiter) == nil, error == nil {
                bench.pass(.milliseconds(500))
                error = bench.rejection(of: waiter)
            }
            if let lease = bench.lease(of: waiter) { bench.release(lease, .loading) }
        }
        #expect(error?.code == .noRunnerAvailable)
        #expect(since.duration(to: bench.now) <= .seconds(63))
        #expect(since.duration(to: bench.now) >= .seconds(58))
    }

    @Test func aProbeCanReportLoading() throws {
        var bench = Bench(.serving("a", "m"))
        bench.loads("a")
        #expect(bench.state("a") == .loading)
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(10))
        #expect(!bench.hasOutcome(waiter))
        bench.answered("a")
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func anAgentThatStartsIsLoading() throws {
        var bench = Bench()
        bench.joined(.serving("a", "m"), ["m"])
        bench.reported("a", RunnerReport(admitsCalls: false, isStarting: true, models: [.init(engineID: "m")]))
        #expect(bench.state("a") == .loading)
        let waiter = try bench.waiter(["m"])
        bench.reported("a", .having("m"))
        #expect(bench.lease(of: waiter) != nil)
    }

    @Test func anotherRunnerServesMeanwhile() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "m"))
        let first = try bench.lease(["m"])
        bench.release(first, .loading)
        #expect(bench.state(first.runner) == .loading)
        for _ in 0..<5 {
            let lease = try bench.lease(["m"])
            #expect(lease.runner != first.runner)
            bench.release(lease, .served)
        }
    }

    @Test func aRemovedRunnerGetsNoTrial() throws {
        var (bench, leases) = try woken()
        bench.release(leases[0], .loading)
        let waiter = try bench.waiter(["m"])
        bench.remove("a")
        #expect(bench.rejection(of: waiter) != nil)
        bench.release(leases[1], .loading)
        bench.pass(.seconds(60))
        #expect(bench.timer == nil && bench.state("a") == nil)
    }

    /// No call waits, so no trial runs: the engine's list counts again, and the next call decides.
    @Test func withoutATrialTheModelListSuffices() throws {
        var (bench, leases) = try woken()
        bench.release(leases[0], .loading)
        bench.answered("a")
        #expect(bench.state("a") == .loading)
        bench.pass(.milliseconds(500))
        bench.answered("a")
        #expect(bench.state("a") == .ready)
        #expect(try !bench.lease(["m"]).runnerHasServed)
    }

    /// A refusal arrives at once: the other calls need not wait until the trial call has been served completely.
    @Test(arguments: [true, false])
    func aTrialThatIsNotRefusedHasPassed(isBusy: Bool) throws {
        var (bench, leases) = try woken()
        bench.release(leases[0], .loading)
        bench.release(leases[1], .loading)
        let waiters = [try bench.waiter(["m"]), try bench.waiter(["m"])]
        bench.pass(.seconds(1))
        try #require(bench.lease(of: waiters[0]) != nil)
        bench.answered("a")
        #expect(bench.state("a") == .loading)
        bench.pass(.seconds(2))
        if isBusy { bench.silent("a") } else { bench.answered("a") }
        #expect(bench.state("a") == .ready)
        #expect(bench.lease(of: waiters[1]) != nil)
    }
}
