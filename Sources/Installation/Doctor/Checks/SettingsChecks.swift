import Settings
import SimpleAICore

/// The settings files themselves, before anything that they name.
enum SettingsChecks {
    /// Values that examples contain.
    private static let placeholders = ["change-me", "changeme", "secret", "token"]
    /// The length of a secret that cannot be guessed, in bytes.
    private static let minSecretLength = 16

    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        var findings: [Finding] = []
        if let gateway = system.gateway {
            findings += document(gateway.document, "simpleai setup")
            if let problem = gateway.startProblem {
                findings.append(
                    Finding("settings.unusable", problem, fix: "correct the setting, then run `simpleai config check`"))
            }
            if let settings = gateway.document.content {
                findings += secret(settings.fleet.token, "fleet.token")
                for (id, token) in settings.fleet.tokens.sorted(by: { $0.key < $1.key }) {
                    findings += secret(token, "fleet.tokens.\(id)")
                }
            }
        }
        if let runner = system.runner {
            findings += document(runner.document, "simpleai setup --runner")
            if let settings = runner.document.content, placeholders.contains(settings.token) {
                findings.append(placeholder("token", "use the line that `simpleai invite` prints on the gateway"))
            }
        }
        return findings
    }

    private static func document<Content>(
        _ document: SystemDescription.Document<Content>, _ setup: String
    ) -> [Finding] {
        switch document {
        case .missing(let paths):
            [
                Finding(
                    "settings.missing", "there is no settings file; searched: \(paths.joined(separator: ", "))",
                    fix: "run `\(setup)`, or name the file with --config")
            ]
        case .template(let path):
            [
                Finding(
                    "settings.template", "\(path) is the file of the package: nothing is set up yet",
                    fix: "run `\(setup)` as root")
            ]
        case .closed(let path):
            [
                Finding(
                    "settings.closed", "\(path) cannot be read by this user: nothing was checked",
                    fix: "run it as root: sudo simpleai doctor")
            ]
        case .invalid(let problems):
            problems.map { problem in
                Finding("settings.invalid", problem.description, fix: "edit \(place(of: problem)) as the message says")
            }
        case .valid(_, _, let warnings):
            warnings.map { warning in
                Finding(
                    "settings.warning", .warning, warning.description,
                    fix: "edit \(place(of: warning)) as the message says")
            }
        }
    }

    private static func place(of problem: SettingsProblem) -> String {
        if problem.line > 0 { return "line \(problem.line) of \(problem.file)" }
        return problem.file.hasPrefix("environment variable ") ? "the \(problem.file), where it is set," : problem.file
    }

    /// - Parameter token: a shared secret of agents; empty: there is none.
    private static func secret(_ token: String, _ key: String) -> [Finding] {
        guard !token.isEmpty else { return [] }
        let fix = "remove it and use `simpleai invite`, or set the output of: openssl rand -hex 32"
        if placeholders.contains(where: token.isExactly) { return [placeholder(key, fix)] }
        guard token.utf8.count < minSecretLength else { return [] }
        return [
            Finding(
                "settings.weak-secret", .warning,
                "\(key) has less than \(minSecretLength) characters: it can be guessed", fix: fix)
        ]
    }

    private static func placeholder(_ key: String, _ fix: String) -> Finding {
        Finding("settings.placeholder", "\(key) has the value of the example, which is public", fix: fix)
    }
}
