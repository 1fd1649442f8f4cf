/// Events of a running suite. All text in them is redacted.
public enum SuiteEvent: Sendable {
    public enum TraceLevel: Int, Sendable {
        case verbose = 1
        case debug = 2
    }

    /// Sent only if there are several rounds.
    case roundStarted(Int, of: Int, seed: UInt64)
    case testStarted(TestName, checks: Int)
    case checkStarted(PlannedCheck)
    case progress(String)
    case checkEnded(CheckResult)
    case trace(TraceLevel, String)
}

/// The result of one check.
public struct CheckResult: Sendable {
    public let test: TestName
    public let id: String
    public let requirement: String
    public let level: Level
    public let verdict: Verdict
    public let summary: String
    public let evidence: Evidence?
    public let duration: Duration
    /// The option that requests this check, if it was skipped because the operator did not request it.
    var missingOption: String?
    /// Whether skipped checks with the same summary share one line on a terminal.
    var sharesReason = false
    /// The id of the failed check that left this one undecided.
    var cause: String?
    /// The figure that reports draw for this check.
    var figure: Figure?
    /// The round of `--repeat` that it belongs to, counted from 1.
    public internal(set) var round = 1
}
