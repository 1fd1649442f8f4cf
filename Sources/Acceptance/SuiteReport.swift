/// All results of a run; the report formats are renderings of it.
public struct SuiteReport: Sendable {
    public let deployment: DeploymentAddress
    public let tests: [TestName]
    /// Seed of the first round; each further round has the next number.
    public let seed: UInt64
    public let allowsInconclusive: Bool
    public let results: [CheckResult]
    /// Why nothing could be tested; nil otherwise.
    public let aborted: String?
    public let interrupted: Bool
    let stamp: RunStamp
    /// Accuracy of the measured times; nil if no check needed it.
    var clock: ClockAccuracy?
    /// Number of requested rounds.
    public internal(set) var rounds = 1

    /// Number of required checks that failed.
    var failures: Int { results.count { $0.verdict == .fail && $0.level == .required } }
    /// Number of advisory checks that failed.
    var advisoryFailures: Int { count(.fail) - failures }

    public func count(_ verdict: Verdict) -> Int { results.count { $0.verdict == verdict } }

    /// The outcome that determines the exit code: an undecided requirement does not count as met, and a run in which no
    /// check passed does not pass.
    public var conclusion: Conclusion {
        if interrupted { return .interrupted }
        let required = results.filter { $0.level == .required }
        if aborted != nil || results.isEmpty || required.contains(where: { $0.verdict == .fail }) { return .failed }
        if !allowsInconclusive, required.contains(where: { $0.verdict == .inconclusive }) { return .notDecided }
        return results.contains { $0.verdict == .pass } ? .passed : .notDecided
    }

    /// Ids of checks whose verdict differed between rounds, with the verdicts: a requirement that is met only sometimes
    /// is not met.
    public var flakyChecks: [(id: String, verdicts: [Verdict])] {
        guard rounds > 1 else { return [] }
        return Dictionary(grouping: results, by: \.id).compactMap { id, results in
            Set(results.map(\.verdict)).count > 1 ? (id, results.map(\.verdict)) : nil
        }.sorted { $0.id < $1.id }
    }

    /// The run that a result belongs to: ` (run 2)`, or empty if there is only one.
    func runNote(_ result: CheckResult) -> String { rounds > 1 ? " (run \(result.round))" : "" }

    /// Accuracy of the times in this report, as text; nil if it contains none that need it.
    public var clockSummary: String? { clock?.summary }

    /// The last line of every report.
    public var verdictLine: String {
        if let aborted { return "\(Conclusion.failed.rawValue): \(aborted)" }
        let advice = advisoryFailures
        // An undecided run has no failures, and its line must not match a log search for "failed".
        let failed = conclusion == .notDecided ? [] : ["\(failures) failed"]
        let passes = count(.pass)
        var counts =
            (["\(passes) \(passes == 1 ? "check" : "checks") passed"] + failed
            + ["\(count(.inconclusive)) inconclusive", "\(count(.skip)) skipped"]).joined(separator: ", ")
        if advice > 0 { counts += ", \(advice) advisory not met" }
        let runs = rounds > 1 ? " in \(rounds) runs" : ""
        if results.isEmpty, !interrupted { return "\(conclusion.rawValue): no check ran" }
        return "\(conclusion.rawValue): \(counts)\(runs)"
    }
}
