/// The result of a check for its requirement.
public enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// The requirement was observed to hold.
    case pass = "PASS"
    /// The requirement was observed not to hold.
    case fail = "FAIL"
    /// The check needs something that is not provided, or does not exist in this deployment.
    case skip = "SKIP"
    /// The check ran, but the observations do not decide.
    case inconclusive = "INCONCLUSIVE"
}

/// Whether a check's verdict decides the run.
public enum Level: String, Sendable, Hashable {
    case required
    case advisory
}

/// A verdict with the sentence that explains it.
///
/// It is an `Error` so that a step shared by several checks can end the calling check with a verdict: `throw
/// Finding.skip("…")`.
public struct Finding: Error, Sendable {
    public var verdict: Verdict
    /// One line: the observation, with figures.
    public var summary: String
    /// The exchange, for a failure.
    public var evidence: Evidence?
    /// Replaces the check's level, for example if there are too few requests for the statistics.
    public var level: Level?
    /// The figure that reports draw.
    var figure: Figure?
    /// The option that supplies what was missing, if that is the only reason for the verdict.
    var missingOption: String?
    /// Whether reports on a terminal combine skipped checks with this summary into one line.
    var sharesReason = false
    /// The id of the failed check that leaves this one undecided.
    var cause: String?

    public static func pass(_ summary: String) -> Finding {
        Finding(verdict: .pass, summary: summary)
    }

    public static func fail(_ summary: String, _ evidence: Evidence? = nil) -> Finding {
        Finding(verdict: .fail, summary: summary, evidence: evidence)
    }

    public static func skip(_ missingNeed: String) -> Finding {
        Finding(verdict: .skip, summary: missingNeed)
    }

    /// Not tried, because the operator did not request it.
    static func skip(needsOption option: String) -> Finding {
        var finding = skip("needs \(option)")
        finding.missingOption = option
        return finding
    }

    public static func inconclusive(_ reason: String) -> Finding {
        Finding(verdict: .inconclusive, summary: reason)
    }

    /// Not decided, because another check failed or is undecided.
    static func inconclusive(_ reason: String, following check: String) -> Finding {
        var finding = inconclusive(reason)
        finding.cause = check
        return finding
    }

    /// The same finding with the level advisory.
    public func advisory() -> Finding {
        var copy = self
        copy.level = .advisory
        return copy
    }

    /// The same finding; on a terminal, skipped checks with this summary share one line.
    func sharingReason() -> Finding {
        var copy = self
        copy.sharesReason = true
        return copy
    }

    /// The same finding with a figure.
    func showing(_ figure: Figure) -> Finding {
        var copy = self
        copy.figure = figure
        return copy
    }
}

/// The request, the response, the expected result, and a command to repeat the request.
public struct Evidence: Sendable, Hashable {
    public var sent: String
    public var received: String
    public var expected: String
    /// A curl command that reads the token from `$SIMPLEAI_TEST_TOKEN`.
    public var curl: String
}

/// The outcome of a whole run.
public enum Conclusion: String, Sendable {
    case passed
    case failed = "FAILED"
    case notDecided = "not decided"
    case interrupted

    /// The process's exit code.
    public var exitCode: Int32 {
        switch self {
        case .passed: 0
        case .failed, .notDecided: 1
        case .interrupted: 130
        }
    }
}
