/// Number of calls that each runner served, with simultaneous 95 % intervals for its share of all future calls.
struct RunnerShares: Sendable, Hashable {
    struct Runner: Sendable, Hashable {
        var name: String
        let calls: Int
        let share: Double
        let interval: ClosedRange<Double>

        /// `50 %`: the format of every report.
        var shareInWords: String { RunnerShares.percent(share) }
        /// `39–61 %`.
        var intervalInWords: String {
            "\((interval.lowerBound * 100).fixed(0))–\(RunnerShares.percent(interval.upperBound))"
        }
    }

    static func percent(_ share: Double) -> String { "\((share * 100).fixed(0)) %" }

    /// Sorted by name. Of runners that served no call only the number is known: ``unseen``.
    private(set) var runners: [Runner]
    let calls: Int
    /// Number of runners that could have served calls.
    let ready: Int

    init(_ counts: [String: Int], ready: Int) {
        let total = counts.values.reduce(0, +)
        let ready = max(ready, counts.count)
        calls = total
        self.ready = ready
        runners = counts.sorted { $0.key < $1.key }.map { name, count in
            Runner(
                name: name, calls: count, share: total > 0 ? Double(count) / Double(total) : 0,
                interval: Statistics.shareInterval(count: count, of: total, simultaneous: ready))
        }
    }

    var unseen: Int { ready - runners.count }
    var equalShare: Double { 1 / Double(max(1, ready)) }

    func renamingRunners(_ rename: (String) -> String) -> RunnerShares {
        var copy = self
        for index in copy.runners.indices { copy.runners[index].name = rename(copy.runners[index].name) }
        return copy
    }
}
