/// A problem in the settings: an error that prevents the start, or a warning.
public struct SettingsProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file as the operator named it, or `environment variable NAME`.
    public let file: String
    /// Counted from 1; 0 if the problem has no line.
    public let line: Int
    /// Dotted, with indices: `runners[0].wake.mac`. Empty for the whole file.
    public let key: String
    /// What is wrong, and how to fix it. Never contains the value of a secret.
    public let message: String

    public init(file: String, line: Int, key: String, message: String) {
        self.file = file
        self.line = line
        self.key = key
        self.message = message
    }

    /// `file:line: key: what is wrong; how to fix it`.
    public var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// The problems of the settings, in the file's order; beyond a maximum, only the number of the others.
public struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    public let problems: [SettingsProblem]

    public init(problems: [SettingsProblem]) {
        self.problems = problems
    }

    /// One problem per line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// Valid settings, with warnings for the operator.
public struct LoadedSettings: Sendable {
    public let settings: Settings
    public let warnings: [SettingsProblem]
    /// The file that was read, as given or found.
    public let path: String
    /// The positions of all values.
    let tree: SettingsNode

    /// A problem that another component found in a value, with the value's position.
    /// - Parameter keys: the value's path from the root of the file, such as `["server", "tls", "key"]`.
    public func problem(_ message: String, at keys: [String]) -> SettingsProblem {
        let path = keys.reduce(SettingsPath.root) { $0[$1] }
        let place = tree.place(of: path)
        return SettingsProblem(file: place.file, line: place.line, key: path.description, message: message)
    }
}
