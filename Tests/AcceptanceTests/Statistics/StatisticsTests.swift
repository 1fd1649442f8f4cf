import Foundation
import Testing

@testable import Acceptance

/// Formulas compared with published values.
struct StatisticsTests {
    /// Wilks: the smallest n with `share^n ≤ 0.05`.
    @Test(arguments: [(0.9, 29), (0.95, 59), (0.99, 299)])
    func percentilesNeedSoMany(share: Double, values: Int) {
        #expect(Statistics.valuesNeeded(forPercentile: share) == values)
    }

    @Test func medianAndPercentile() {
        #expect(Statistics.median([]) == nil)
        #expect(Statistics.median([3, 1, 2]) == 2)
        #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
        #expect(Statistics.percentile(0.9, of: []) == nil)
        #expect(Statistics.percentile(0.9, of: Array(stride(from: 1.0, through: 10, by: 1))) == 9)
        #expect(Statistics.percentile(0.91, of: Array(stride(from: 1.0, through: 10, by: 1))) == 10)
    }

    /// Upper percentage points (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4).
    @Test(arguments: [
        (3.841, 1, 0.05), (10.828, 1, 0.001), (5.991, 2, 0.05), (16.266, 3, 0.001), (18.307, 10, 0.05),
        (29.588, 10, 0.001), (149.449, 100, 0.001), (0.0, 4, 1.0),
    ]) func chiSquareTail(value: Double, degrees: Int, tail: Double) {
        #expect(abs(Statistics.chiSquareTail(value, degreesOfFreedom: degrees) - tail) < 2e-4 * max(tail, 0.1))
    }

    @Test(arguments: [(0.5, 0.0), (0.975, 1.959964), (0.995, 2.575829), (0.001, -3.090232)])
    func normalQuantile(p: Double, z: Double) {
        #expect(abs(Statistics.normalQuantile(p) - z) < 1e-6)
    }

    // MARK: Intervals

    /// R. G. Newcombe 1998, Statistics in Medicine 17, 857–872, table I, method 3 (Wilson's score).
    @Test(arguments: [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ]) func wilsonInterval(count: Int, total: Int, lower: Double, upper: Double) {
        let interval = Statistics.shareInterval(count: count, of: total)
        #expect(abs(interval.lowerBound - lower) < 5.1e-5)
        #expect(abs(interval.upperBound - upper) < 5.1e-5)
    }

    /// The example of the R package CoinMinD for Goodman's intervals.
    @Test func goodmanIntervals() {
        let counts = [44, 55, 43, 32, 67, 78]
        let lower = [0.09468368, 0.12376893, 0.09208527, 0.06412671, 0.15637944, 0.18692732]
        let upper = [0.1966413, 0.2350489, 0.1931040, 0.1535697, 0.2760670, 0.3130119]
        for (index, count) in counts.enumerated() {
            let interval = Statistics.shareInterval(count: count, of: counts.reduce(0, +), simultaneous: counts.count)
            #expect(abs(interval.lowerBound - lower[index]) < 1e-7)
            #expect(abs(interval.upperBound - upper[index]) < 1e-6)
        }
    }

    // MARK: Equal shares

    /// The example of the R package EMT: 55 outcomes, p = 0.5306.
    @Test func exactMultinomialTest() {
        let test = EqualSharesTest([5, 2, 2])
        #expect(EqualSharesTest.outcomes(calls: 9, runners: 3) == 55)
        #expect(test.method == .exact)
        #expect(abs(test.pValue - 0.5306) < 5e-5)
    }

    /// Two runners are the two-sided binomial test: 1 head in 10 tosses has p = 22/1024.
    @Test func exactTestOfTwoRunnersIsBinomial() {
        #expect(abs(EqualSharesTest([1, 9]).pValue - 22.0 / 1024) < 1e-12)
        #expect(abs(EqualSharesTest([5, 5]).pValue - 1) < 1e-9)
        #expect(abs(EqualSharesTest([0, 10]).pValue - 2.0 / 1024) < 1e-12)
    }

    /// K. Pearson's own use: 60 throws of a die with 5, 8, 9, 8, 10 and 20 of each face have χ² = 13.4, p = 0.0199.
    @Test func asymptoticTest() {
        let counts = [5, 8, 9, 8, 10, 20]
        #expect(abs(EqualSharesTest.pearson(counts) - 13.4) < 1e-9)
        let test = EqualSharesTest(counts)
        #expect(test.method == .asymptotic)
        #expect(abs(test.pValue - 0.0199) < 5e-5)
    }

    @Test(arguments: [[60, 40], [75, 50, 55], [30, 18, 25, 27]])
    func exactAndAsymptoticAgreeWhereBothCan(counts: [Int]) {
        let exact = EqualSharesTest(counts, maxOutcomes: .max)
        let asymptotic = EqualSharesTest(counts, maxOutcomes: 0)
        #expect(exact.method == .exact && asymptotic.method == .asymptotic)
        #expect(abs(exact.pValue - asymptotic.pValue) < 0.02)
    }

    @Test func nothingToCompareIsNotUneven() {
        #expect(EqualSharesTest([]).pValue == 1)
        #expect(EqualSharesTest([7]).pValue == 1)
        #expect(EqualSharesTest([0, 0]).pValue == 1)
    }

    /// 100,000 calls show that 49 % and 51 % differ, but the difference is too small to matter.
    @Test func smallDifferencesAreNeverBlamed() {
        let test = EqualSharesTest([49_000, 51_000])
        #expect(test.pValue < Statistics.risk)
        #expect(!test.isUneven)
        #expect(EqualSharesTest([95, 5]).isUneven)
    }

    // MARK: Coverage

    @Test(arguments: [(2, 11), (3, 20), (4, 29), (8, 68), (1, 1)])
    func coverageNeedsSoMany(runners: Int, requests: Int) {
        #expect(Coverage.requestsNeeded(runners: runners) == requests)
        guard runners > 1 else { return }
        #expect(Coverage.missProbability(runners: runners, requests: requests) <= Statistics.risk)
        #expect(Coverage.missProbability(runners: runners, requests: requests - 1) > Statistics.risk)
    }

    /// A die shows all faces within 13 throws with probability 0.5139, within 10 with 0.2718 (Feller 1968, IV.2).
    @Test(arguments: [(6, 13, 0.5139), (6, 10, 0.2718), (6, 5, 0.0), (2, 1, 0.0), (2, 2, 0.5)])
    func coverageOdds(runners: Int, requests: Int, all: Double) {
        #expect(abs(1 - Coverage.missProbability(runners: runners, requests: requests) - all) < 5e-5)
    }

    // MARK: Turns

    @Test func oddsOfRoundRobin() {
        #expect(abs(RoundRobinJudgement.cyclicProbability(runners: 2, requests: 10) - pow(2, -9)) < 1e-12)
        #expect(abs(RoundRobinJudgement.cyclicProbability(runners: 3, requests: 9) - 2 * pow(3, -8)) < 1e-12)
        #expect(abs(RoundRobinJudgement.permutationProbability(runners: 3, requests: 3) - 6.0 / 27) < 1e-12)
        #expect(abs(RoundRobinJudgement.permutationProbability(runners: 3, requests: 4) - 6.0 / 27) < 1e-12)
        #expect(abs(RoundRobinJudgement.permutationProbability(runners: 3, requests: 5) - 6.0 / 27 * 2 / 3) < 1e-12)
    }

    @Test func turns() {
        #expect(RoundRobinJudgement(["a", "b", "c", "a", "b", "c", "a"], runners: 3).isRoundRobin)
        #expect(RoundRobinJudgement(["a", "b", "b", "a"], runners: 2).isRoundRobin)
        #expect(!RoundRobinJudgement(["a", "b", "b", "a"], runners: 2).isCyclic)
        #expect(RoundRobinJudgement(["a", "b", "a", "a"], runners: 2).firstBreak == 4)
        #expect(RoundRobinJudgement(["a", "a"], runners: 2).isOneRunner)
        #expect(abs(RoundRobinJudgement(["a", "b", "b", "a"], runners: 2).probabilityByChance - 0.25) < 1e-12)
        #expect(abs(RoundRobinJudgement(["a", "b", "a", "b"], runners: 2).probabilityByChance - 0.125) < 1e-12)
    }
}
