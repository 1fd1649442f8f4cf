/// Collects what is found while settings are read: one object that every table of the file reports to.
final class SettingsReport {
    private(set) var problems = SettingsFindings()
    private(set) var warnings = SettingsFindings()
    /// Every key that was asked for, as a pattern (`runners[].wake.mac`): what this version knows.
    private(set) var knownKeys: Set<SettingsPath> = []

    /// - Parameter suggestion: what ends the message, asked for only if the problem is listed.
    func problem(
        _ message: String, at path: SettingsPath, place: SettingsPlace, suggestion: (() -> String)? = nil
    ) {
        problems.add(message, at: path, place, suggestion: suggestion)
    }

    /// - Parameter suggestion: what ends the message, asked for only if the warning is listed.
    func warning(
        _ message: String, at path: SettingsPath, place: SettingsPlace, suggestion: (() -> String)? = nil
    ) {
        warnings.add(message, at: path, place, suggestion: suggestion)
    }

    /// Whether a key, or something below it, has a problem already, so that no second one may be concluded from it.
    func hasProblem(at path: SettingsPath) -> Bool { problems.contains(path) }

    func known(_ pattern: SettingsPath) {
        knownKeys.insert(pattern)
    }

    /// Throws what was found, if anything was.
    func throwProblems() throws(SettingsError) {
        guard problems.isEmpty else { throw SettingsError(problems: problems.listed(.problems)) }
    }

    /// What was found until the file proved to be no document at all, and that.
    func error(endingIn problem: SettingsProblem) -> SettingsError {
        let found = problems.listed(.problems)
        let place = found.firstIndex { $0.line > problem.line } ?? found.endIndex
        return SettingsError(problems: Array(found[..<place]) + [problem] + Array(found[place...]))
    }
}
