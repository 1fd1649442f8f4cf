/// The report in the Test Anything Protocol, version 14.
struct TAPReport {
    private let report: SuiteReport

    init(_ report: SuiteReport) { self.report = report }

    var text: String {
        var lines = ["TAP version 14", "1..\(report.results.count)"]
        for (index, result) in report.results.enumerated() {
            lines += point(index + 1, result)
        }
        if let aborted = report.aborted { lines.append("Bail out! \(Self.oneLine(aborted))") }
        if report.interrupted { lines.append("Bail out! interrupted") }
        return lines.joined(separator: "\n") + "\n"
    }

    private func point(_ number: Int, _ result: CheckResult) -> [String] {
        let summary = Self.oneLine(result.summary)
        let id = "\(result.id)\(report.runNote(result))"
        let name = "\(number) - \(id): \(summary)"
        switch (result.verdict, result.level) {
        case (.pass, _): return ["ok \(name)"]
        case (.skip, _): return ["ok \(number) - \(id) # SKIP \(summary)"]
        case (.inconclusive, _) where report.allowsInconclusive || result.level == .advisory:
            return ["ok \(number) - \(id) # SKIP inconclusive: \(summary)"]
        case (.fail, .advisory): return ["ok \(number) - \(id) # SKIP advisory, not met: \(summary)"]
        default: return ["not ok \(name)"] + diagnosis(result)
        }
    }

    private func diagnosis(_ result: CheckResult) -> [String] {
        var lines = ["  ---", "  verdict: \(result.verdict.rawValue)", "  requirement: |"]
        lines.append("    \(result.requirement)")
        if let evidence = result.evidence {
            for (key, text) in [
                ("sent", evidence.sent), ("received", evidence.received), ("expected", evidence.expected),
                ("curl", evidence.curl),
            ] {
                lines.append("  \(key): |")
                lines += text.split(whereSeparator: \.isNewline).map { "    \(Self.oneLine(String($0)))" }
            }
        }
        return lines + ["  ..."]
    }

    /// Joins text to one line and escapes `#`, which begins a directive: text from outside must add neither a line nor
    /// a directive.
    private static func oneLine(_ text: String) -> String {
        // Works on scalars: "\r\n" is one character, and a search for "\n" does not find it.
        text.unicodeScalars.reduce(into: "") { line, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: line += " "
            default: line += scalar == "#" ? "\\#" : String(Character(scalar))
            }
        }
    }
}
