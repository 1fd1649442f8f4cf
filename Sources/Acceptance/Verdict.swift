/// What a check found out about its requirement.
public enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// The requirement was observed to hold.
    case pass = "PASS"
    /// The requirement was observed not to hold.
    case fail = "FAIL"
    /// Something the check needs was not given, or does not exist in this deployment.
    case skip = "SKIP"
    /// The check ran, but what was needed to decide could not be seen.
    case inconclusive = "INCONCLUSIVE"
}

/// Whether a check's verdict decides the run.
public enum Level: String, Sendable, Hashable {
    case required
    case advisory
}

/// A verdict with the sentence that explains it.
///
/// It is an `Error` so that a step which several checks share can end the check that called it, with the verdict that
/// follows: `throw Finding.skip("…")`.
public struct Finding: Error, Sendable {
    public var verdict: Verdict
    /// One line: what was seen, with figures.
    public var summary: String
    /// What went over the wire, for a failure.
    public var evidence: Evidence?
    /// Set when the check found that it cannot carry its usual weight (too few requests for the statistics, say).
    public var level: Level?
    /// What reports draw.
    var figure: Figure?
    /// The option that would have brought what was missing, when that is all there is to say.
    var missingOption: String?
    /// The check whose failure leaves this one nothing to judge.
    var follows: String?

    public static func pass(_ summary: String) -> Finding {
        Finding(verdict: .pass, summary: summary)
    }

    public static func fail(_ summary: String, _ evidence: Evidence? = nil) -> Finding {
        Finding(verdict: .fail, summary: summary, evidence: evidence)
    }

    public static func skip(_ missingNeed: String) -> Finding {
        Finding(verdict: .skip, summary: missingNeed)
    }

    /// Not tried, only because the operator did not ask for it.
    static func skip(needsOption option: String) -> Finding {
        var finding = skip("needs \(option)")
        finding.missingOption = option
        return finding
    }

    public static func inconclusive(_ reason: String) -> Finding {
        Finding(verdict: .inconclusive, summary: reason)
    }

    /// Not decided, because of what another check tells.
    static func inconclusive(_ reason: String, following check: String) -> Finding {
        var finding = inconclusive(reason)
        finding.follows = check
        return finding
    }

    /// The same finding, but it only advises.
    public func advisory() -> Finding {
        var copy = self
        copy.level = .advisory
        return copy
    }

    /// The same finding with something to draw.
    func showing(_ figure: Figure) -> Finding {
        var copy = self
        copy.figure = figure
        return copy
    }
}

/// What was sent, what came, what was expected, and how to repeat it by hand.
public struct Evidence: Sendable, Hashable {
    public var sent: String
    public var received: String
    public var expected: String
    /// A curl command; the token stands in it as `$SIMPLEAI_TEST_TOKEN`.
    public var curl: String
}

/// How a whole run ended.
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
