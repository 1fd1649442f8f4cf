/// The run as workflow commands of GitHub Actions: an annotation for each check that did not pass, and one for the run.
///
/// The log also contains text from the deployment, and the Actions runner interprets every line that begins with `::`,
/// indented or not, as a command. Command processing is therefore stopped with a token that the deployment cannot know,
/// except around the suite's own commands. Source: "Workflow commands for GitHub Actions", `stop-commands`.
public struct GitHubAnnotations: Sendable {
    private let nonce: String

    /// - Parameter nonce: must be unpredictable.
    public init(nonce: String) { self.nonce = nonce }

    /// Stops command processing for the text that follows.
    public var stopCommand: String { "::stop-commands::\(nonce)\n" }

    /// The annotations; command processing is stopped again after them.
    public func text(for report: SuiteReport) -> String {
        let lines = report.results.compactMap { annotation($0, allowsInconclusive: report.allowsInconclusive) }
        let level =
            switch report.conclusion {
            case .passed: "notice"
            case .failed, .notDecided: "error"
            case .interrupted: "warning"
            }
        return annotationLines(
            lines + [command(level, title: "Acceptance of \(report.deployment)", report.verdictLine)])
    }

    /// The annotation for a missing or incomplete report.
    public func errorAnnotation(_ text: String) -> String {
        annotationLines([command("error", title: "Acceptance", text)])
    }

    /// Resumes command processing for `lines` and stops it again. The token that resumes it is harmless if it was not
    /// stopped: the Actions runner ignores unknown commands.
    private func annotationLines(_ lines: [String]) -> String {
        (["::\(nonce)::"] + lines).map { "\($0)\n" }.joined() + stopCommand
    }

    private func annotation(_ result: CheckResult, allowsInconclusive: Bool) -> String? {
        let level: String
        switch (result.verdict, result.level) {
        case (.pass, _), (.skip, _): return nil
        case (.fail, .required): level = "error"
        case (.inconclusive, .required): level = allowsInconclusive ? "warning" : "error"
        case (.fail, .advisory): level = "warning"
        case (.inconclusive, .advisory): level = "notice"
        }
        let title = "\(result.verdict.rawValue) \(result.id)"
        return command(level, title: title, "\(result.summary)\n\(result.requirement)")
    }

    private func command(_ level: String, title: String, _ message: String) -> String {
        "::\(level) title=\(Self.escapedProperty(title))::\(Self.escaped(message))"
    }

    /// Escapes the data of a command. Works on scalars: a `%` with a combining accent is also a `%`.
    static func escaped(_ text: String) -> String {
        replacing(["%": "%25", "\r": "%0D", "\n": "%0A"], in: text)
    }

    /// Escapes the value of a property: `,` ends the property and `:` the list of properties.
    static func escapedProperty(_ text: String) -> String {
        replacing(["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"], in: text)
    }

    private static func replacing(_ escapes: [Unicode.Scalar: String], in text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += escapes[$1] ?? String(Character($1)) }
    }
}
