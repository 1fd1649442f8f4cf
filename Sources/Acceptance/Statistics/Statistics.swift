import Foundation

/// The few pieces of statistics that the load-balancing checks rest on.
enum Statistics {
    /// Decisions by chance are made once, at this risk of blaming a deployment that is right.
    static let risk = 0.001

    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The smallest value that at least `share` of all values do not exceed (nearest rank).
    static func percentile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = Int((share * Double(values.count)).rounded(.up))
        return values.sorted()[min(max(rank, 1), values.count) - 1]
    }

    /// How many values a percentile needs to mean anything: with fewer, the largest of them lies below it with more
    /// than 5 % probability. 29, 59 and 299 for 0.9, 0.95 and 0.99.
    static func valuesNeeded(forPercentile share: Double) -> Int {
        Int((log(0.05) / log(share)).rounded(.up))
    }

    /// How many requests show every one of `runners` equally likely runners, but for a probability of `risk`.
    /// 11, 20, 29 and 68 for 2, 3, 4 and 8 runners.
    static func requestsForCoverage(runners: Int, risk: Double = Statistics.risk) -> Int {
        guard runners > 1 else { return 1 }
        let count = Double(runners)
        return Int((log(risk / count) / log(1 - 1 / count)).rounded(.up))
    }

    /// Probability that independent, uniform choices follow some cyclic order of `runners` for `requests` requests:
    /// `(k−1)! · k^−(N−1)`, one term `k^−(N−1)` for each of the `(k−1)!` orders.
    static func roundRobinOdds(runners: Int, requests: Int) -> Double {
        guard runners > 1, requests > 0 else { return 1 }
        let orders = exp(lgamma(Double(runners)))
        return min(1, orders * pow(Double(runners), -Double(requests - 1)))
    }

    /// Pearson's statistic of observed counts against equal shares.
    static func chiSquare(ofEqualShares counts: [Int]) -> Double {
        let expected = Double(counts.reduce(0, +)) / Double(counts.count)
        guard expected > 0 else { return 0 }
        return counts.reduce(0) { $0 + pow(Double($1) - expected, 2) / expected }
    }

    /// Probability that a chi-square variable exceeds `value`: the regularised upper incomplete gamma function
    /// (series below `a + 1`, Lentz's continued fraction above; Abramowitz & Stegun 6.5.29, 6.5.31).
    static func chiSquareTail(_ value: Double, degreesOfFreedom: Int) -> Double {
        let a = Double(degreesOfFreedom) / 2
        let x = value / 2
        guard x > 0 else { return 1 }
        let scale = exp(a * log(x) - x - lgamma(a))
        if x < a + 1 {
            var term = 1 / a
            var sum = term
            var n = a
            while term > sum * 1e-15 {
                n += 1
                term *= x / n
                sum += term
            }
            return max(0, 1 - scale * sum)
        }
        var b = x + 1 - a
        var c = 1e300
        var d = 1 / b
        var fraction = d
        for i in 1...1000 {
            let an = -Double(i) * (Double(i) - a)
            b += 2
            d = 1 / (an * d + b)
            c = b + an / c
            fraction *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return scale * fraction
    }

    /// The value that a standard normal variable does not exceed with probability `p`; bisection on `erfc`.
    static func normalQuantile(_ p: Double) -> Double {
        var (low, high) = (-12.0, 12.0)
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// Wilson's interval for a share (E. B. Wilson 1927), `confidence` holding for all of `simultaneous` shares
    /// together (Bonferroni).
    static func shareInterval(
        count: Int, of total: Int, confidence: Double = 0.95, simultaneous: Int = 1
    ) -> ClosedRange<Double> {
        guard total > 0 else { return 0...1 }
        let z = normalQuantile(1 - (1 - confidence) / (2 * Double(simultaneous)))
        let n = Double(total)
        let share = Double(count) / n
        let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, centre - half)...min(1, centre + half)
    }
}
