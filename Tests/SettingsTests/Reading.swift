import Settings

/// Settings without required keys: no authentication, this machine only. Texts appended to them begin at line 2.
let minimal = "auth: {mode: none}\n"

/// The problems of a text as operators read them; empty if it loads.
func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
    do {
        _ = try SettingsFile.parse(text, name: "s.yaml", environment: environment)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

func settings(_ text: String, environment: [String: String] = [:]) throws -> Settings {
    try SettingsFile.parse(minimal + text, name: "s.yaml", environment: environment).settings
}

func warnings(_ text: String) throws -> [String] {
    try SettingsFile.parse(text, name: "s.yaml", environment: [:]).warnings.map(\.description)
}
