import Testing

@testable import Acceptance

/// Verdicts on distributions with a known cause, because the test generates them.
struct LoadJudgementTests {
    private func dispatches(_ items: [(String, Double, Double)]) -> [Workload.Dispatch] {
        let zero = ContinuousClock.now
        return items.map { .init(runner: $0.0, start: zero + .seconds($0.1), end: zero + .seconds($0.2)) }
    }

    /// Calls that pile up on one runner while the other is idle.
    @Test func pilingUpIsUnbalanced() {
        let items = (0..<40).map { ("a", Double($0), Double($0) + 5) } + [("b", 0.5, 0.6)]
        let judgement = LoadJudgement(dispatches(items), runners: 2)
        #expect(judgement.verdict == .unbalanced)
        #expect(judgement.conservation.misplaced > 30)
    }

    /// A fast runner takes most calls because it is free most often, and no call bypasses an idle runner.
    @Test func unevenButWorkConserving() {
        var items: [(String, Double, Double)] = [("slow", 0, 100), ("fast", 1, 2)]
        items += (2..<60).map { ("fast", Double($0) + 0.5, Double($0) + 1.4) }
        let judgement = LoadJudgement(dispatches(items), runners: 2)
        #expect(judgement.shares.isUneven)
        #expect(judgement.verdict == .workConserving)
    }

    @Test func evenSharesNeedNoLoadArgument() {
        let items = (0..<40).map { ($0.isMultiple(of: 2) ? "a" : "b", 0.0, 1.0) }
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .equalShares)
    }

    @Test func oneBurstLeavesUnevenSharesOpen() {
        let items = (0..<40).map { ($0 < 36 ? "a" : "b", 0.0, 1.0) }
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .undecidable)
    }

    /// A runner that could have served but got no call was idle all the time.
    @Test func aRunnerNeverAskedWasIdle() {
        let items = (0..<40).map { (["a", "b"][$0 % 2], Double($0), Double($0) + 5) }
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .equalShares)
        #expect(LoadJudgement(dispatches(items), runners: 3).verdict == .unbalanced)
    }

    /// With known slots, a runner is overloaded only if it has two calls per slot more than an idle one.
    @Test func slotsMakeTheJudgementLenient() {
        // One call is always open on "a" when the next arrives, and "b" is idle.
        let items = (0..<30).map { ("a", Double($0), Double($0) + 1.5) } + [("b", 40.0, 41.0)]
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .unbalanced)
        #expect(LoadJudgement(dispatches(items), runners: 2, slots: 1).verdict == .workConserving)
        // Always four of them.
        let piled = (0..<30).map { ("a", Double($0), Double($0) + 4.5) } + [("b", 40.0, 41.0)]
        #expect(LoadJudgement(dispatches(piled), runners: 2, slots: 1).verdict == .unbalanced)
        #expect(LoadJudgement(dispatches(piled), runners: 2, slots: 4).verdict == .workConserving)
    }

    /// The cost of a long run is near-linear, or this test would not end.
    @Test func manyDispatchesAreJudgedQuickly() {
        let items = (0..<20_000).map { ("r\($0 % 8)", Double($0) / 10, Double($0) / 10 + 1) }
        #expect(LoadJudgement(dispatches(items), runners: 8).verdict == .equalShares)
        #expect(WorkConservation(dispatches(items), runners: 8).decidable > 16_000)
    }
}

/// Balancers in an event simulation, so that the verdicts are known to be correct at the stated risk.
struct BalancerSimulationTests {
    enum Policy: CaseIterable {
        case leastBusy, roundRobin, random, mostlyFirst
    }

    /// A closed system of `workers` workers and one runner per speed; each call takes `1 / speed`, ± 20 %.
    private func simulate(
        _ policy: Policy, speeds: [Double], requests: Int, workers: Int, seed: UInt64
    ) -> [Workload.Dispatch] {
        var random = SeededGenerator(seed: seed)
        let zero = ContinuousClock.now
        var dispatches: [Workload.Dispatch] = []
        var inFlight = [(end: Double, runner: Int)]()
        var busyUntil = Array(repeating: 0.0, count: speeds.count)
        var lastUsed = Array(repeating: -1, count: speeds.count)
        var now = 0.0
        for request in 0..<requests {
            if inFlight.count >= workers, let first = inFlight.indices.min(by: { inFlight[$0].end < inFlight[$1].end })
            {
                now = max(now, inFlight[first].end) + 0.03
                inFlight.remove(at: first)
            }
            inFlight.removeAll { $0.end <= now }
            func open(_ runner: Int) -> Int { inFlight.count { $0.runner == runner } }
            let runner =
                switch policy {
                case .leastBusy:
                    speeds.indices.min { (open($0), lastUsed[$0]) < (open($1), lastUsed[$1]) } ?? 0
                case .roundRobin: request % speeds.count
                case .random: Int.random(in: speeds.indices, using: &random)
                case .mostlyFirst: Double.random(in: 0..<1, using: &random) < 0.95 ? 0 : speeds.count - 1
                }
            // A runner processes its calls one after the other.
            let began = max(now, busyUntil[runner])
            let end = began + Double.random(in: 0.8...1.2, using: &random) / speeds[runner]
            busyUntil[runner] = end
            lastUsed[runner] = request
            inFlight.append((end, runner))
            dispatches.append(.init(runner: "r\(runner)", start: zero + .seconds(now), end: zero + .seconds(end)))
        }
        return dispatches
    }

    private static let fleets: [[Double]] = [
        [1, 1], [1, 1, 1], [1, 1, 4], [1, 1, 1, 1], Array(repeating: 1, count: 8),
    ]

    @Test(arguments: fleets)
    func leastBusyIsNeverBlamed(speeds: [Double]) {
        for seed in 1...60 {
            let dispatches = simulate(
                .leastBusy, speeds: speeds, requests: 200, workers: 10, seed: UInt64(seed))
            let verdict = LoadJudgement(dispatches, runners: speeds.count).verdict
            #expect(verdict == .workConserving || verdict == .equalShares, "seed \(seed)")
        }
    }

    /// With speeds 1:1:4 the shares are far from equal, and the load explains them.
    @Test func unevenSpeedsAreAcquittedByLoad() {
        let judgement = LoadJudgement(
            simulate(.leastBusy, speeds: [1, 1, 4], requests: 200, workers: 3, seed: 7), runners: 3)
        #expect(judgement.shares.isUneven)
        #expect(judgement.verdict == .workConserving)
    }

    @Test(arguments: fleets)
    func roundRobinIsNeverBlamedForUnevenLoad(speeds: [Double]) {
        for seed in 1...50 {
            let dispatches = simulate(.roundRobin, speeds: speeds, requests: 200, workers: 10, seed: UInt64(seed))
            #expect(LoadJudgement(dispatches, runners: speeds.count).verdict == .equalShares, "seed \(seed)")
        }
    }

    @Test(arguments: fleets)
    func oneRunnerWithAlmostEverythingIsAlwaysCaught(speeds: [Double]) {
        for seed in 1...60 {
            let dispatches = simulate(.mostlyFirst, speeds: speeds, requests: 200, workers: 10, seed: UInt64(seed))
            #expect(LoadJudgement(dispatches, runners: speeds.count).verdict == .unbalanced, "seed \(seed)")
        }
    }

    /// The test of equal shares errs no more often than its risk: 2,000 fair draws, of which 2 are expected to fail.
    @Test(arguments: [(2, 20), (3, 30), (4, 40), (8, 80)])
    func fairDrawsAreRarelyCalledUneven(runners: Int, requests: Int) {
        var random = SeededGenerator(seed: 11)
        var blamed = 0
        for _ in 0..<2000 {
            var counts = Array(repeating: 0, count: runners)
            for _ in 0..<requests { counts[Int.random(in: 0..<runners, using: &random)] += 1 }
            if EqualSharesTest(counts, maxOutcomes: 2000).pValue < Statistics.risk { blamed += 1 }
        }
        // Five standard deviations of a Poisson variable above.
        #expect(blamed <= 9)
    }

    /// All shares lie in their intervals at least 95 times in 100 (Goodman's intervals are conservative, a little).
    @Test(arguments: [(2, 50), (3, 60), (4, 100), (8, 200)])
    func intervalsHoldTogether(runners: Int, requests: Int) {
        var random = SeededGenerator(seed: 5)
        let truth = 1 / Double(runners)
        var held = 0
        for _ in 0..<2000 {
            var counts = Array(repeating: 0, count: runners)
            for _ in 0..<requests { counts[Int.random(in: 0..<runners, using: &random)] += 1 }
            if counts.allSatisfy({
                Statistics.shareInterval(count: $0, of: requests, simultaneous: runners).contains(truth)
            }) {
                held += 1
            }
        }
        #expect(held >= 1860)
    }

    /// The coupon collector, simulated.
    @Test(arguments: [(2, 5), (3, 8), (4, 12), (8, 30)])
    func coverageOddsAreThoseOfChance(runners: Int, requests: Int) {
        var random = SeededGenerator(seed: 3)
        let rounds = 5000
        var missed = 0
        for _ in 0..<rounds {
            var seen: Set<Int> = []
            for _ in 0..<requests { seen.insert(Int.random(in: 0..<runners, using: &random)) }
            if seen.count < runners { missed += 1 }
        }
        let odds = Coverage.missProbability(runners: runners, requests: requests)
        #expect(abs(Double(missed) / Double(rounds) - odds) < 4 * (odds * (1 - odds) / Double(rounds)).squareRoot())
    }
}
