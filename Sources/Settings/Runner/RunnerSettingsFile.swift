import Foundation
import SimpleAICore

/// Loads the settings of `simpleai runner` from a file, as `SettingsFile` does.
public enum RunnerSettingsFile {
    /// Searched in this order if the operator names no file.
    public static let defaultPaths = ["./runner.yaml", "/etc/simpleai/runner.yaml"]
    private static let example = "runner.example.yaml"

    /// Loads the named file, or the first existing one of `defaultPaths`.
    public static func load(
        path: String? = nil, environment: [String: String]
    ) throws(SettingsError) -> LoadedRunnerSettings {
        let path = if let path { path } else { try SettingsFile.firstFile(of: defaultPaths, example: example) }
        return try parse(try SettingsFile.text(of: path), name: path, environment: environment)
    }

    /// Parses a text; `name` identifies the file in problems.
    /// - Parameter hostName: the id of a runner without one.
    public static func parse(
        _ text: String, name: String, environment: [String: String], hostName: String = HostName.own
    ) throws(SettingsError) -> LoadedRunnerSettings {
        let report = SettingsReport()
        let environment = SettingsEnvironment(variables: environment)
        let settings: RunnerSettings
        do {
            settings = try read(text, name: name, environment: environment, hostName: hostName, report: report)
        } catch {
            throw report.error(endingIn: error)
        }
        try report.throwProblems()
        return LoadedRunnerSettings(
            settings: settings, warnings: report.warnings.listed(.warnings), path: name)
    }

    static func read(
        _ text: String, name: String, environment: SettingsEnvironment, hostName: String, report: SettingsReport
    ) throws(SettingsProblem) -> RunnerSettings {
        var tree = try SettingsDocument.tree(
            of: SettingsFile.withoutByteOrderMark(text), name: name, environment: environment, report: report,
            example: example)
        environment.override(&tree, report: report)
        var settings = RunnerSettings()
        settings.id = RunnerID(hostName)
        settings.read(&tree, report: report)
        if settings.name.isEmpty { settings.name = settings.id.rawValue }
        return settings
    }

    /// Whether a file contains runner settings, judging by its keys.
    public static func isRunnerFile(_ text: String, name: String, environment: [String: String]) -> Bool {
        let tree = try? SettingsDocument.tree(
            of: SettingsFile.withoutByteOrderMark(text), name: name, environment: .init(variables: environment),
            report: SettingsReport())
        guard let tree else { return false }
        let keys = Set(tree.keys(of: .root))
        return !keys.isDisjoint(with: ["gateway", "engines"])
            && keys.isDisjoint(with: ["server", "auth", "classes", "runners"])
    }
}
