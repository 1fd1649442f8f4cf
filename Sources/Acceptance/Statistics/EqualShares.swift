import Foundation

/// Tests whether counts per runner are consistent with equal shares: the multinomial goodness-of-fit test.
///
/// Exact if all outcomes can be enumerated, otherwise Pearson's asymptotic test.
struct EqualSharesTest: Sendable, Equatable {
    enum Method: Sendable, Equatable {
        /// The sum over all outcomes that are no likelier than the observed one (Cochran 1952; Read & Cressie 1988,
        /// 5.2).
        case exact
        /// The chi-square tail of Pearson's statistic (Pearson 1900), with `k − 1` degrees of freedom.
        case asymptotic
    }

    let method: Method
    /// Probability of an outcome at least as unlikely as this one, if the shares are equal.
    let pValue: Double
    /// The largest relative deviation of a count from the equal share; 0 for equal counts.
    let deviation: Double

    /// Maximum number of outcomes to enumerate, which takes a few milliseconds. With more outcomes, the expected counts of
    /// two to four runners are above 20, for which the asymptotic test is accurate to three digits.
    static let maxOutcomes = 100_000

    /// Minimum deviation that can fail a check, however significant it is.
    static let minDeviation = 0.25

    /// - Parameter counts: calls per runner, zeros included.
    init(_ counts: [Int], maxOutcomes: Int = EqualSharesTest.maxOutcomes) {
        let total = counts.reduce(0, +)
        guard counts.count > 1, total > 0 else {
            (method, pValue, deviation) = (.exact, 1, 0)
            return
        }
        let expected = Double(total) / Double(counts.count)
        deviation = counts.map { abs(Double($0) - expected) / expected }.max() ?? 0
        if Self.outcomes(calls: total, runners: counts.count) <= maxOutcomes {
            method = .exact
            pValue = Self.exactChance(of: counts)
        } else {
            method = .asymptotic
            pValue = Statistics.chiSquareTail(Self.pearson(counts), degreesOfFreedom: counts.count - 1)
        }
    }

    /// Whether the shares are uneven beyond chance, and by more than is acceptable.
    var isUneven: Bool { pValue < Statistics.risk && deviation > Self.minDeviation }

    /// Pearson's statistic of observed counts against equal shares.
    static func pearson(_ counts: [Int]) -> Double {
        let expected = Double(counts.reduce(0, +)) / Double(counts.count)
        guard expected > 0 else { return 0 }
        return counts.reduce(0) { $0 + pow(Double($1) - expected, 2) / expected }
    }

    /// Number of ways to distribute `calls` calls over `runners` runners: `C(calls + runners − 1, runners − 1)`,
    /// capped.
    static func outcomes(calls: Int, runners: Int) -> Int {
        var count = 1.0
        for part in 1..<max(1, runners) {
            count = count * Double(calls + part) / Double(part)
            if count > 1e15 { return .max }
        }
        return Int(count.rounded())
    }

    private static func exactChance(of counts: [Int]) -> Double {
        let total = counts.reduce(0, +)
        // ln(n!) for every n that can occur; the probability of an outcome is total! / Π count! · k^−total.
        var logFactorials = [0.0]
        for number in 1...total { logFactorials.append(logFactorials[number - 1] + log(Double(number))) }
        let constant = logFactorials[total] - Double(total) * log(Double(counts.count))
        // Includes outcomes as likely as the observed one, despite rounding errors.
        let limit = constant - counts.reduce(0) { $0 + logFactorials[$1] } + 1e-9
        var pValue = 0.0
        func visit(runners: Int, calls: Int, logProbability: Double) {
            guard runners > 1 else {
                let outcome = logProbability - logFactorials[calls]
                if outcome <= limit { pValue += exp(outcome) }
                return
            }
            for count in 0...calls {
                visit(
                    runners: runners - 1, calls: calls - count,
                    logProbability: logProbability - logFactorials[count])
            }
        }
        visit(runners: counts.count, calls: total, logProbability: constant)
        return min(1, pValue)
    }
}
