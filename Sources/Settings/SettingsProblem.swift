/// Something in the settings that stops the start, or that an operator should know before it.
public struct SettingsProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file as the operator named it, or `environment variable NAME` for a value that came from there.
    public let file: String
    /// Counted from 1; 0 where the problem has no line of its own.
    public let line: Int
    /// Dotted, with indices: `runners[0].wake.mac`. Empty where the whole file is meant.
    public let key: String
    /// What is wrong; how to mend it. Never holds a secret's value.
    public let message: String

    public init(file: String, line: Int, key: String, message: String) {
        self.file = file
        self.line = line
        self.key = key
        self.message = message
    }

    /// `file:line: key: what is wrong; how to mend it`.
    public var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// What is wrong with the settings, in the file's order; where there is more than people read, the number of the rest.
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

/// Settings that may be used, and what to tell the operator about them.
public struct LoadedSettings: Sendable {
    public let settings: Settings
    public let warnings: [SettingsProblem]
    /// The file that was read, as given or found.
    public let path: String
    /// Where everything was written.
    let tree: SettingsNode

    /// What somebody else found wrong with a value, with the place where it was written.
    /// - Parameter keys: the value's way from the top of the file, such as `["server", "tls", "key"]`.
    public func problem(_ message: String, at keys: [String]) -> SettingsProblem {
        let path = keys.reduce(SettingsPath.root) { $0[$1] }
        let place = tree.place(of: path)
        return SettingsProblem(file: place.file, line: place.line, key: path.description, message: message)
    }
}
