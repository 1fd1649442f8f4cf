@testable import Settings

/// Settings without required keys: no authentication, this machine only. Texts appended to them begin at line 2.
let minimal = "auth: {mode: none}\n"

/// Reads a text as `SettingsFile` does, and checks that the schema agrees with the result.
func load(_ text: String, environment: [String: String] = [:]) throws(SettingsError) -> LoadedSettings {
    do {
        let loaded = try SettingsFile.parse(text, name: "s.yaml", environment: environment)
        expectSchema(.gateway, agreesAbout: text, problems: [], environment: environment)
        return loaded
    } catch {
        let problems = error.problems.map(\.description)
        expectSchema(.gateway, agreesAbout: text, problems: problems, environment: environment)
        throw error
    }
}

/// The problems of a text as operators read them; empty if it loads.
func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
    do {
        _ = try load(text, environment: environment)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

func settings(_ text: String, environment: [String: String] = [:]) throws -> Settings {
    try load(minimal + text, environment: environment).settings
}

func warnings(_ text: String) throws -> [String] {
    try load(text).warnings.map(\.description)
}
