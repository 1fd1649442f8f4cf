/// The run as workflow commands of GitHub Actions: an annotation per check that did not hold, and one for the whole.
///
/// What a deployment answers goes to the same log, and the runner takes any line that begins with `::`, indented or
/// not, for a command. So commands are stopped, by a word the deployment cannot know, except around our own.
/// Source: "Workflow commands for GitHub Actions", `stop-commands`.
public struct GitHubAnnotations: Sendable {
    private let nonce: String

    /// - Parameter nonce: unpredictable.
    public init(nonce: String) { self.nonce = nonce }

    /// From here on nothing is a command.
    public var silence: String { "::stop-commands::\(nonce)\n" }

    /// The annotations; what follows them is no command again.
    public func text(for report: SuiteReport) -> String {
        let lines = report.results.compactMap { annotation($0, allowsInconclusive: report.allowsInconclusive) }
        let level =
            switch report.conclusion {
            case .passed: "notice"
            case .failed, .notDecided: "error"
            case .interrupted: "warning"
            }
        return spoken(lines + [command(level, title: "Acceptance of \(report.target)", report.verdictLine)])
    }

    /// Why there is no report, or not a whole one.
    public func complaint(_ text: String) -> String {
        spoken([command("error", title: "Acceptance", text)])
    }

    /// The closing word is harmless where nothing was silenced: the runner ignores commands that it does not know.
    private func spoken(_ lines: [String]) -> String {
        (["::\(nonce)::"] + lines).map { "\($0)\n" }.joined() + silence
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

    /// The data of a command. By scalars: a `%` with an accent upon it is a `%`, too.
    static func escaped(_ text: String) -> String {
        replacing(["%": "%25", "\r": "%0D", "\n": "%0A"], in: text)
    }

    /// A property ends at `,` and the properties at `:`.
    static func escapedProperty(_ text: String) -> String {
        replacing(["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"], in: text)
    }

    private static func replacing(_ escapes: [Unicode.Scalar: String], in text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += escapes[$1] ?? String(Character($1)) }
    }
}
