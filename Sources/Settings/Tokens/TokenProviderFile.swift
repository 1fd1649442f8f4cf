/// Loads the settings of a token provider from a file, as `SettingsFile` does. Environment variables do not override
/// keys of this file; `${NAME}` inserts their values.
public enum TokenProviderFile {
    /// Used if the operator names no file.
    public static let defaultPath = "./simpleai-tokens.yaml"

    public static func load(
        path: String, environment: [String: String]
    ) throws(SettingsError) -> TokenProviderSettings {
        try parse(try SettingsFile.text(of: path), name: path, environment: environment)
    }

    /// Parses a text; `name` identifies the file in problems.
    public static func parse(
        _ text: String, name: String, environment: [String: String]
    ) throws(SettingsError) -> TokenProviderSettings {
        let report = SettingsReport()
        var settings = TokenProviderSettings()
        do {
            var tree = try SettingsDocument.tree(
                of: SettingsFile.withoutByteOrderMark(text), name: name, environment: .init(variables: environment),
                report: report, example: "simpleai-tokens.example.yaml")
            settings.read(&tree, report: report)
        } catch {
            throw report.error(endingIn: error)
        }
        try report.throwProblems()
        return settings
    }
}
