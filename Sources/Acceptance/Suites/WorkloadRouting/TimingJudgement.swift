/// Compares the duration of calls under load with that of the same calls made one after the other.
struct TimingJudgement: Sendable {
    /// Duration in seconds of each call under load.
    let underLoad: [Double]
    /// Duration in seconds of each call alone.
    let sequential: [Double]
    /// Completed calls per second under load.
    let throughput: Double
    let workers: Int
    let runners: Int

    /// Whether calls under load take longer than sharing the runners explains.
    var queueing: Finding {
        guard let busy = Statistics.median(underLoad), let idle = Statistics.median(sequential), idle > 0 else {
            return .inconclusive("no call got a response")
        }
        let figures =
            "median \(Duration.seconds(busy).readable) with at most \(workers) calls at a time, "
            + "\(Duration.seconds(idle).readable) alone (×\((busy / idle).fixed(1)))"
        // On runners that process one call at a time, a call takes up to workers / runners times as long as alone.
        let fair = max(1.5, Double(workers) / Double(max(1, runners)))
        return busy / idle <= fair ? .pass(figures) : .fail("\(figures), more than shared capacity explains")
    }

    /// Whether concurrent calls reach a higher throughput than sequential ones.
    var parallelism: Finding {
        guard runners > 1 else { return .skip("needs at least two runners") }
        let total = sequential.reduce(0, +)
        guard total > 0 else { return .inconclusive("no sequential call succeeded") }
        // Excludes the time between sequential calls, which the client spends.
        let rate = Double(sequential.count) / total
        let figures =
            "\(throughput.fixed(1)) per second with at most \(workers) calls at a time, \(rate.fixed(1)) with one at a time "
            + "(×\((throughput / rate).fixed(1)))"
        return throughput / rate > 1.5 ? .pass(figures) : .inconclusive("\(figures): parallelism is not proven")
    }
}
