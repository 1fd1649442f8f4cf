import Settings

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
            if let settings = gateway.document.content { findings += secrets(of: settings) }
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
        problem.line > 0 ? "line \(problem.line) of \(problem.file)" : problem.file
    }

    private static func secrets(of settings: Settings) -> [Finding] {
        let token = settings.fleet.token
        guard !token.isEmpty else { return [] }
        if placeholders.contains(token) {
            return [
                placeholder(
                    "fleet.token", "remove it and use `simpleai invite`, or set the output of: openssl rand -hex 32")
            ]
        }
        guard token.utf8.count < minSecretLength else { return [] }
        return [
            Finding(
                "settings.weak-secret", .warning,
                "fleet.token has less than \(minSecretLength) characters: it can be guessed",
                fix: "remove it and use `simpleai invite`, or set the output of: openssl rand -hex 32")
        ]
    }

    private static func placeholder(_ key: String, _ fix: String) -> Finding {
        Finding("settings.placeholder", "\(key) has the value of the example, which is public", fix: fix)
    }
}
