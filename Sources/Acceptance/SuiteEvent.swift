/// What a running suite tells whoever watches it. Every text in it is redacted.
public enum SuiteEvent: Sendable {
    public enum TraceLevel: Int, Sendable {
        case verbose = 1
        case debug = 2
    }

    /// Only when there are several.
    case roundStarted(Int, of: Int, seed: UInt64)
    case testStarted(TestName, checks: Int)
    case checkStarted(PlannedCheck)
    case progress(String)
    case checkEnded(CheckResult)
    case trace(TraceLevel, String)
}

/// What became of one check.
public struct CheckResult: Sendable {
    public let test: TestName
    public let id: String
    public let requirement: String
    public let level: Level
    public let verdict: Verdict
    public let summary: String
    public let evidence: Evidence?
    public let duration: Duration
    /// Of a skipped check that merely was not asked for: the option that asks for it.
    var missingOption: String?
    /// Of an undecided check: the one whose failure left it nothing to judge.
    var follows: String?
    /// What reports draw of this check.
    var figure: Figure?
    /// Which of the rounds of `--repeat` it belongs to, from 1.
    public internal(set) var round = 1
}
