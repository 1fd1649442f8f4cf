/// From a file to the settings of a token provider, in the manner of `SettingsFile`: all problems at once. Single values
/// cannot be replaced from the environment here; `${NAME}` takes them from there.
public enum TokenProviderFile {
    /// Where the file is looked for when nobody names one.
    public static let defaultPath = "./simpleai-tokens.yaml"

    public static func load(
        path: String, environment: [String: String]
    ) throws(SettingsError) -> TokenProviderSettings {
        try parse(try SettingsFile.text(of: path), name: path, environment: environment)
    }

    /// Reads a text; `name` stands for the file in problems.
    public static func parse(
        _ text: String, name: String, environment: [String: String]
    ) throws(SettingsError) -> TokenProviderSettings {
        let report = SettingsReport()
        var settings = TokenProviderSettings()
        do {
            let tree = try SettingsDocument.tree(
                of: SettingsFile.withoutByteOrderMark(text), name: name, environment: .init(variables: environment),
                report: report, example: "simpleai-tokens.example.yaml")
            SettingsTable.read(tree, report: report) { settings.read(from: &$0) }
        } catch {
            throw report.error(endingIn: error)
        }
        try report.throwProblems()
        return settings
    }
}
