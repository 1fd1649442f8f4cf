import Foundation

/// The statistics behind the checks: pure functions, each with its source, tested against published values and
/// simulation (`Tests/AcceptanceTests/Statistics`).
enum Statistics {
    /// Probability of failing a correct deployment by chance. Statistical decisions are made once, at this risk.
    static let risk = 0.001

    // MARK: Order statistics

    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The smallest value that at least `share` of all values do not exceed (nearest rank; Hyndman & Fan 1996, type 1).
    static func percentile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = Int((share * Double(values.count)).rounded(.up))
        return values.sorted()[min(max(rank, 1), values.count) - 1]
    }

    /// Number of values that a percentile needs to be meaningful: with fewer, the largest of them lies below it with
    /// more than 5 % probability (Wilks 1941: `share^n ≤ 0.05`). 29, 59 and 299 for 0.9, 0.95 and 0.99.
    static func valuesNeeded(forPercentile share: Double) -> Int {
        Int((log(0.05) / log(share)).rounded(.up))
    }

    // MARK: Distributions

    /// Probability that a chi-square variable exceeds `value`: the regularised upper incomplete gamma function
    /// (series below `a + 1`, Lentz's continued fraction above; Abramowitz & Stegun 6.5.29, 6.5.31).
    static func chiSquareTail(_ value: Double, degreesOfFreedom: Int) -> Double {
        let a = Double(degreesOfFreedom) / 2
        let x = value / 2
        guard x > 0 else { return 1 }
        let scale = exp(a * log(x) - x - lgamma(a))
        return x < a + 1 ? max(0, 1 - scale * gammaSeries(a, x)) : scale * gammaFraction(a, x)
    }

    private static func gammaSeries(_ a: Double, _ x: Double) -> Double {
        var term = 1 / a
        var sum = term
        var n = a
        while term > sum * 1e-15 {
            n += 1
            term *= x / n
            sum += term
        }
        return sum
    }

    private static func gammaFraction(_ a: Double, _ x: Double) -> Double {
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
        return fraction
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
}
