import SimpleAICore
import Testing

@testable import Scheduling

/// Calls that only one runner can serve, because it created the response that they continue.
@Suite struct OnlyRunnerTests {
    private func granted(_ placement: Placement) -> RunnerID? {
        if case .granted(let lease) = placement { lease.runner } else { nil }
    }

    @Test(arguments: PlacementPolicy.allCases)
    func noPolicyPlacesTheCallElsewhere(_ policy: PlacementPolicy) {
        var bench = Bench.ready(
            .serving("a", "m", slots: 4), .serving("b", "m", slots: 4), .serving("c", "m", slots: 4))
        for _ in 0..<4 {
            let placement = bench.place(["m"], only: "b", policy: policy, conversation: "x")
            #expect(granted(placement) == "b")
        }
        #expect(bench.active("a") == 0 && bench.active("b") == 4 && bench.active("c") == 0)
    }

    @Test func callsWaitForTheirRunnerEvenIfOthersAreFree() throws {
        var bench = Bench.ready(.serving("a", "m", slots: 4), .serving("b", "m", slots: 1))
        guard case .granted(let lease) = bench.place(["m"], only: "b") else { throw Missing() }
        guard case .waiting(let waiter, false) = bench.place(["m"], only: "b") else { throw Missing() }
        let other = bench.place(["m"])
        #expect(granted(other) == "a", "no other call waits behind it")
        bench.forgetEffects()
        bench.release(lease)
        let runners = bench.effects.compactMap { effect in
            if case .grant(waiter, let lease) = effect { lease.runner } else { nil }
        }
        #expect(runners == ["b"])
    }

    @Test func callsAreRefusedIfTheirRunnerCannotServe() throws {
        var bench = Bench.ready(.serving("a", "m"), .serving("b", "other"))
        for only in ["b", "gone"] as [RunnerID] {
            guard case .refused(let error) = bench.place(["m"], only: only) else { throw Missing() }
            #expect(error.code == .noRunnerAvailable)
        }
        guard case .refused = bench.place(["m"], excluding: ["a"], only: "a") else { throw Missing() }
    }

    private struct Missing: Error {}
}
