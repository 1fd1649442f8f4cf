import Foundation
import Testing

@testable import Acceptance

struct StatisticsTests {
    @Test(arguments: [(2, 11), (3, 20), (4, 29), (8, 68), (1, 1)])
    func coverageNeedsSoMany(runners: Int, requests: Int) {
        #expect(Statistics.requestsForCoverage(runners: runners) == requests)
    }

    @Test(arguments: [(0.9, 29), (0.95, 59), (0.99, 299)])
    func percentilesNeedSoMany(share: Double, values: Int) {
        #expect(Statistics.valuesNeeded(forPercentile: share) == values)
    }

    /// Textbook values of the chi-square distribution.
    @Test(arguments: [
        (3.841459, 1, 0.05), (10.827566, 1, 0.001), (5.991465, 2, 0.05), (16.266236, 3, 0.001), (18.307038, 10, 0.05),
        (0.0, 4, 1.0), (0.103, 2, 0.949804),
    ]) func chiSquareTail(value: Double, degrees: Int, tail: Double) {
        #expect(abs(Statistics.chiSquareTail(value, degreesOfFreedom: degrees) - tail) < 1e-6)
    }

    @Test(arguments: [(0.5, 0.0), (0.975, 1.959964), (0.995, 2.575829), (0.001, -3.090232)])
    func normalQuantile(p: Double, z: Double) {
        #expect(abs(Statistics.normalQuantile(p) - z) < 1e-6)
    }

    /// Wilson's interval for 8 of 10: 0.4902 to 0.9433.
    @Test func shareInterval() {
        let interval = Statistics.shareInterval(count: 8, of: 10)
        #expect(abs(interval.lowerBound - 0.490162) < 1e-4)
        #expect(abs(interval.upperBound - 0.943318) < 1e-4)
        let wider = Statistics.shareInterval(count: 8, of: 10, simultaneous: 3)
        #expect(wider.lowerBound < interval.lowerBound && wider.upperBound > interval.upperBound)
    }

    @Test func oddsOfTurns() {
        #expect(abs(Statistics.roundRobinOdds(runners: 2, requests: 10) - pow(2, -9)) < 1e-12)
        #expect(abs(Statistics.roundRobinOdds(runners: 3, requests: 9) - 2 * pow(3, -8)) < 1e-12)
    }

    @Test func medianAndPercentile() {
        #expect(Statistics.median([]) == nil)
        #expect(Statistics.median([3, 1, 2]) == 2)
        #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
        #expect(Statistics.percentile(0.9, of: Array(stride(from: 1.0, through: 10, by: 1))) == 9)
    }

    @Test func turns() {
        #expect(TurnJudgement(["a", "b", "c", "a", "b", "c", "a"], runners: 3).isInTurn)
        #expect(TurnJudgement(["a", "b", "b", "a"], runners: 2).isInTurn)
        #expect(TurnJudgement(["a", "b", "a", "a"], runners: 2).firstBreak == 4)
        #expect(TurnJudgement(["a", "a"], runners: 2).isOneRunner)
        #expect(abs(TurnJudgement(["a", "b", "a", "b"], runners: 2).odds - 0.25) < 1e-12)
    }

    private func dispatches(_ items: [(String, Double, Double)]) -> [Workload.Dispatch] {
        let zero = ContinuousClock.now
        return items.map { .init(runner: $0.0, start: zero + .seconds($0.1), end: zero + .seconds($0.2)) }
    }

    /// Calls that pile up on one runner while the other has nothing to do.
    @Test func pilingUpIsUnbalanced() {
        let items = (0..<40).map { ("a", Double($0), Double($0) + 5) } + [("b", 0.5, 0.6)]
        let judgement = LoadJudgement(dispatches(items), runners: 2)
        #expect(judgement.verdict == .unbalanced)
        #expect(judgement.pastIdle > 30)
    }

    /// A fast runner that takes most calls because it is free most often passes no idle one.
    @Test func unevenButWorkConserving() {
        var items: [(String, Double, Double)] = [("slow", 0, 100), ("fast", 1, 2)]
        items += (2..<60).map { ("fast", Double($0) + 0.5, Double($0) + 1.4) }
        let judgement = LoadJudgement(dispatches(items), runners: 2)
        #expect(judgement.chance < Statistics.risk)
        #expect(judgement.verdict == .workConserving)
    }

    @Test func evenSharesNeedNoLoadArgument() {
        let items = (0..<40).map { ($0.isMultiple(of: 2) ? "a" : "b", 0.0, 1.0) }
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .equalShares)
    }

    private func timing(among: Double, throughput: Double, runners: Int = 2) -> TimingJudgement {
        TimingJudgement(
            among: Array(repeating: among, count: 10), alone: Array(repeating: 0.1, count: 10), throughput: throughput,
            workers: 10, runners: runners)
    }

    @Test func queueingBeyondSharingFails() {
        #expect(timing(among: 0.3, throughput: 20).queueing.verdict == .pass)
        #expect(timing(among: 0.6, throughput: 20).queueing.verdict == .fail)
        #expect(timing(among: 0.14, throughput: 20, runners: 10).queueing.verdict == .pass)
        #expect(timing(among: 0.2, throughput: 20, runners: 10).queueing.verdict == .fail)
    }

    @Test func parallelismIsProvenByThroughput() {
        #expect(timing(among: 0.3, throughput: 19).parallelism.verdict == .pass)
        #expect(timing(among: 0.3, throughput: 11).parallelism.verdict == .inconclusive)
        #expect(timing(among: 0.3, throughput: 11, runners: 1).parallelism.verdict == .skip)
    }

    @Test func oneBurstLeavesUnevenSharesOpen() {
        let items = (0..<40).map { ($0 < 36 ? "a" : "b", 0.0, 1.0) }
        #expect(LoadJudgement(dispatches(items), runners: 2).verdict == .undecidable)
    }
}
