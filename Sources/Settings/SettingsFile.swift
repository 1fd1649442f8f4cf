import Foundation
import SimpleAICore

/// Loads settings from a file: parses it, applies the environment, and validates. All problems are reported together.
public enum SettingsFile {
    /// Searched in this order if the operator names no file.
    public static let defaultPaths = ["./simpleai.yaml", "/etc/simpleai/simpleai.yaml"]

    /// Loads the named file, or the first existing one of `defaultPaths`.
    public static func load(
        path: String? = nil, environment: [String: String]
    ) throws(SettingsError) -> LoadedSettings {
        let path =
            if let path { path } else { try firstFile(of: defaultPaths, example: "simpleai.example.yaml") }
        return try parse(try text(of: path), name: path, environment: environment)
    }

    /// Parses a text; `name` identifies the file in problems.
    public static func parse(
        _ text: String, name: String, environment: [String: String]
    ) throws(SettingsError) -> LoadedSettings {
        let report = SettingsReport()
        let settings: Settings
        let tree: SettingsNode
        do {
            (settings, tree) = try read(text, name: name, environment: .init(variables: environment), report: report)
        } catch {
            throw report.error(endingIn: error)
        }
        try report.throwProblems()
        return LoadedSettings(
            settings: settings, warnings: report.warnings.listed(.warnings), path: name, tree: tree)
    }

    /// Reads and validates a text. Throws if it is not a document; all other problems are added to `report`, and the
    /// settings are valid only if it has none.
    static func read(
        _ text: String, name: String, environment: SettingsEnvironment, report: SettingsReport
    ) throws(SettingsProblem) -> (Settings, SettingsNode) {
        var tree = try SettingsDocument.tree(
            of: withoutByteOrderMark(text), name: name, environment: environment, report: report)
        environment.override(&tree, report: report)
        return (read(&tree, report: report), tree)
    }

    /// Reads and validates a parsed file.
    static func read(_ tree: inout SettingsNode, report: SettingsReport) -> Settings {
        var settings = Settings()
        settings.read(&tree, report: report)
        SettingsValidation(settings: settings, tree: tree, report: report).check()
        return settings
    }

    /// Enough for tens of thousands of machines.
    static let maxSize: ByteCount = .mebibytes(4)

    /// The complete text of a settings file. A pipe can be read only once.
    public static func text(of path: String) throws(SettingsError) -> String {
        let bytes: [UInt8]
        do {
            bytes = try ReadableFile.contents(of: path, atMost: maxSize)
        } catch {
            throw SettingsError(file: path, line: 0, error.message)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError(file: path, line: invalidLine(of: bytes), "is not UTF-8; save the file as UTF-8")
        }
        return text
    }

    /// Removes the byte order mark that some editors write.
    static func withoutByteOrderMark(_ text: String) -> String {
        text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    /// The first existing file.
    static func firstFile(of paths: [String], example: String) throws(SettingsError) -> String {
        for path in paths where FileManager.default.fileExists(atPath: path) { return path }
        let others = paths.dropFirst().joined(separator: ", ")
        throw SettingsError(
            file: paths.first ?? "", line: 0,
            "does not exist, nor does \(others); copy \(example) there or use --config FILE")
    }

    private static func invalidLine(of bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let valid = lines.prefix { String(validating: $0, as: UTF8.self) != nil }
        return valid.count + 1
    }
}

extension SettingsError {
    fileprivate init(file: String, line: Int, _ message: String) {
        self.init(problems: [SettingsProblem(file: file, line: line, key: "", message: message)])
    }
}
