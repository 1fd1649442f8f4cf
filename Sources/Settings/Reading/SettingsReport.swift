/// Collects what is found while settings are read: one object that every table of the file reports to.
final class SettingsReport {
    private(set) var problems: [SettingsProblem] = []
    private(set) var warnings: [SettingsProblem] = []
    /// Every key that was asked for, as a pattern (`runners[].wake.mac`): what this version knows.
    private(set) var knownKeys: Set<SettingsPath> = []

    func problem(_ message: String, at path: SettingsPath, place: SettingsPlace) {
        problems.append(Self.problem(message, path, place))
    }

    func warning(_ message: String, at path: SettingsPath, place: SettingsPlace) {
        warnings.append(Self.problem(message, path, place))
    }

    /// Whether a key, or something below it, has a problem already, so that no second one may be concluded from it.
    func hasProblem(at path: SettingsPath) -> Bool {
        let key = path.description
        return problems.contains { $0.key == key || $0.key.hasPrefix(key + ".") || $0.key.hasPrefix(key + "[") }
    }

    func known(_ pattern: SettingsPath) {
        knownKeys.insert(pattern)
    }

    /// The file's order, and what came from the environment after it.
    static func sorted(_ problems: [SettingsProblem]) -> [SettingsProblem] {
        problems.enumerated()
            .sorted { left, right in
                let (leftLine, rightLine) = (order(left.element), order(right.element))
                if leftLine != rightLine { return leftLine < rightLine }
                return left.offset < right.offset
            }
            .map(\.element)
    }

    private static func order(_ problem: SettingsProblem) -> Int {
        problem.file.hasPrefix(SettingsEnvironment.placePrefix) ? .max : problem.line
    }

    private static func problem(_ message: String, _ path: SettingsPath, _ place: SettingsPlace) -> SettingsProblem {
        SettingsProblem(file: place.file, line: place.line, key: path.description, message: message)
    }
}
