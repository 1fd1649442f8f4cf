/// Everything a run found out; the reports are renderings of it.
public struct SuiteReport: Sendable {
    public let target: Target
    public let tests: [TestName]
    public let seed: UInt64
    public let allowsInconclusive: Bool
    public let results: [CheckResult]
    /// Why nothing could be tested, if so.
    public let aborted: String?
    public let interrupted: Bool
    let stamp: RunStamp

    public func count(_ verdict: Verdict) -> Int { results.count { $0.verdict == verdict } }

    /// Whether the run passed, by the rules of the exit codes: an undecided requirement is not a kept one, and a run
    /// in which nothing could be checked proves nothing.
    public var conclusion: Conclusion {
        if interrupted { return .interrupted }
        let required = results.filter { $0.level == .required }
        if aborted != nil || results.isEmpty || required.contains(where: { $0.verdict == .fail }) { return .failed }
        if !allowsInconclusive, required.contains(where: { $0.verdict == .inconclusive }) { return .notDecided }
        return results.contains { $0.verdict == .pass } ? .passed : .notDecided
    }

    /// The last line of every report.
    public var verdictLine: String {
        if let aborted { return "\(Conclusion.failed.rawValue): \(aborted)" }
        let counts = [
            "\(count(.pass)) passed", "\(count(.fail)) failed", "\(count(.inconclusive)) inconclusive",
            "\(count(.skip)) skipped",
        ].joined(separator: ", ")
        if results.isEmpty, !interrupted { return "\(conclusion.rawValue): no check ran" }
        return "\(conclusion.rawValue): \(counts)"
    }
}
