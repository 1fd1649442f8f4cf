/// Observations in cumulative buckets with a sum, as Prometheus defines a histogram.
package struct Histogram: Hashable, Sendable {
    /// Upper bounds in seconds; responses of language models take from milliseconds to minutes.
    package static let seconds: [Double] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
    /// Upper bounds in tokens per second: from a large model on a small machine to a small one on a large machine.
    package static let tokensPerSecond: [Double] = [1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000]

    package let bounds: [Double]
    package private(set) var counts: [Int]
    package private(set) var sum = 0.0

    /// - Parameter bounds: the buckets' upper bounds, ascending; larger values fall into a last bucket.
    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    package mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}
