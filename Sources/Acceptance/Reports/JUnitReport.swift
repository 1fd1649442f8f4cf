/// The report as JUnit XML for CI systems: a suite per test, a case per check.
///
/// An undecided requirement is an `error`, or a skip with `--allow-inconclusive`; an advisory check never fails a case.
struct JUnitReport {
    private let report: SuiteReport

    init(_ report: SuiteReport) { self.report = report }

    var text: String {
        var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#, #"<testsuites name="simpleai">"#]
        for test in report.tests {
            let results = report.results.filter { $0.test == test }
            let elements = results.map(element)
            let failures = elements.count { $0.kind == "failure" }
            let errors = elements.count { $0.kind == "error" }
            let skipped = elements.count { $0.kind == "skipped" }
            let seconds = results.reduce(0) { $0 + $1.duration.inSeconds }
            lines.append(
                "  <testsuite name=\"\(test.rawValue)\" tests=\"\(results.count)\" failures=\"\(failures)\" "
                    + "errors=\"\(errors)\" skipped=\"\(skipped)\" time=\"\(seconds.fixed(3))\">")
            lines += zip(results, elements).map(testCase)
            lines.append("  </testsuite>")
        }
        if let aborted = report.aborted { lines += Self.problem("reachability", aborted) }
        // Without this suite, the report of an interrupted run would look complete.
        if report.interrupted {
            lines += Self.problem("interrupted", "interrupted: missing checks did not run")
        }
        lines.append("</testsuites>\n")
        return lines.joined(separator: "\n")
    }

    /// A suite with one case that is an error, for a problem of the run instead of a check.
    private static func problem(_ name: String, _ message: String) -> [String] {
        [
            "  <testsuite name=\"\(name)\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">",
            "    <testcase classname=\"simpleai\" name=\"\(name)\">",
            "      <error message=\"\(escaped(message))\"/>",
            "    </testcase>", "  </testsuite>",
        ]
    }

    private typealias Element = (kind: String, text: String)

    private func element(_ result: CheckResult) -> Element {
        let message = Self.escaped(result.summary)
        switch (result.verdict, result.level) {
        case (.pass, _): return ("system-out", "<system-out>\(message)</system-out>")
        case (.skip, _): return ("skipped", "<skipped message=\"\(message)\"/>")
        case (.fail, .required):
            return ("failure", "<failure message=\"\(message)\">\(Self.escaped(details(result)))</failure>")
        case (.inconclusive, .required) where !report.allowsInconclusive:
            return ("error", "<error message=\"not decided: \(message)\"/>")
        default: return ("skipped", "<skipped message=\"\(result.verdict.rawValue): \(message)\"/>")
        }
    }

    private func testCase(_ result: CheckResult, _ element: Element) -> String {
        """
            <testcase classname="simpleai.\(result.test.rawValue)" name="\(result.id)\(report.runNote(result))" \
        time="\(result.duration.inSeconds.fixed(3))">
              \(element.text)
            </testcase>
        """
    }

    private func details(_ result: CheckResult) -> String {
        guard let evidence = result.evidence else { return result.requirement }
        return """
            \(result.requirement)
            sent: \(evidence.sent)
            received: \(evidence.received)
            expected: \(evidence.expected)
            \(evidence.curl)
            """
    }

    /// XML text: markup is escaped, characters that XML 1.0 forbids are replaced.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case "\r": result += "&#13;"
            case "\u{00}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
