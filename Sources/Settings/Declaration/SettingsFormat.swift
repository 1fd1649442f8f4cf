/// The settings files of the project's programs.
public enum SettingsFormat: String, CaseIterable, Sendable {
    case gateway
    case runner
    case tokens

    /// The usual name of the file.
    public var fileName: String {
        switch self {
        case .gateway: "simpleai.yaml"
        case .runner: "runner.yaml"
        case .tokens: "simpleai-tokens.yaml"
        }
    }

    var purpose: String {
        switch self {
        case .gateway: "The settings of the gateway, `simpleai serve`."
        case .runner: "The settings of a runner agent, `simpleai runner`."
        case .tokens: "The identity provider and the identities of `simpleai token`."
        }
    }

    /// The keys of the file.
    var declarations: [KeyDeclaration] {
        switch self {
        case .gateway: Settings.declarations
        case .runner: RunnerSettings.declarations
        case .tokens: TokenProviderSettings.declarations
        }
    }

    /// A JSON Schema (draft 2020-12) of the file, for editors. It is more lenient than reading: rules that involve
    /// several keys, ranges of durations and sizes, and values from environment variables are checked by reading only.
    public var schema: String {
        OrderedJSON.schema(of: declarations, title: fileName, description: purpose).text + "\n"
    }
}
