/// Collects problems and warnings while settings are read: one object shared by all tables of the file.
final class SettingsReport {
    private(set) var problems = SettingsFindings()
    private(set) var warnings = SettingsFindings()

    /// - Parameter suggestion: the end of the message, computed only if the problem is listed.
    func problem(
        _ message: String, at path: SettingsPath, place: SettingsPlace, suggestion: (() -> String)? = nil
    ) {
        problems.add(message, at: path, place, suggestion: suggestion)
    }

    /// - Parameter suggestion: the end of the message, computed only if the warning is listed.
    func warning(
        _ message: String, at path: SettingsPath, place: SettingsPlace, suggestion: (() -> String)? = nil
    ) {
        warnings.add(message, at: path, place, suggestion: suggestion)
    }

    /// Whether a key, or a value below it, already has a problem, so that it must not cause a second one.
    func hasProblem(at path: SettingsPath) -> Bool { problems.contains(path) }

    /// Throws all problems, if there are any.
    func throwProblems() throws(SettingsError) {
        guard problems.isEmpty else { throw SettingsError(problems: problems.listed(.problems)) }
    }

    /// All problems so far and the one that ended the parsing, in the file's order.
    func error(endingIn problem: SettingsProblem) -> SettingsError {
        let found = problems.listed(.problems)
        let place = found.firstIndex { $0.line > problem.line } ?? found.endIndex
        return SettingsError(problems: Array(found[..<place]) + [problem] + Array(found[place...]))
    }
}
