import Foundation
import Testing

@testable import Settings

/// `simpleai.example.yaml` contains every key, with its default.
@Suite struct ExampleTests {
    let example: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        example = try String(contentsOf: root.appending(path: "simpleai.example.yaml"), encoding: .utf8)
    }

    /// The example with every `#key:` uncommented; comments in words have a space after their `#`.
    private var everyKey: String {
        example.replacing(/(?m)^( *)#([a-z_]+:)/) { "\($0.output.1)\($0.output.2)" }
    }

    @Test func exampleLoadsWithoutWarnings() throws {
        let loaded = try SettingsFile.parse(example, name: "simpleai.example.yaml", environment: [:])
        #expect(loaded.warnings == [])
    }

    @Test func environmentReachesTheExample() throws {
        let environment = ["OIDC_ISSUER": "https://id.example.org", "GPU_KEY": "sk-1"]
        let loaded = try SettingsFile.parse(example, name: "simpleai.example.yaml", environment: environment)
        #expect(loaded.settings.auth.issuers.first?.issuer == "https://id.example.org")
        #expect(loaded.settings.runners.first?.apiKey == "sk-1")
    }

    /// A commented line shows the default.
    @Test func commentedKeysShowTheirDefaults() throws {
        let plain = try SettingsFile.parse(example, name: "example", environment: [:])
        let full = try SettingsFile.parse(everyKey, name: "example", environment: [:])
        #expect(full.settings == plain.settings)
    }

    @Test func everyKnownKeyIsInTheExample() throws {
        let report = SettingsReport()
        let environment = SettingsEnvironment(variables: [:])
        _ = try SettingsFile.read(everyKey, name: "example", environment: environment, report: report)
        let tree = try SettingsDocument.tree(
            of: everyKey, name: "example", environment: environment, report: SettingsReport())
        let missing = report.knownKeys.filter { !tree.mentions($0) }
        #expect(missing.map(\.description).sorted() == [])
        #expect(report.knownKeys.count > 90)
    }
}

extension SettingsNode {
    /// Whether a key of the tree matches a pattern.
    func mentions(_ pattern: SettingsPath) -> Bool {
        guard let component = pattern.components.first else { return true }
        let rest = SettingsPath(components: Array(pattern.components.dropFirst()))
        switch (component, content) {
        case (.key(let key), .table(let entries)):
            return entries.contains { $0.key == key && $0.value.mentions(rest) }
        case (.anyKey, .table(let entries)):
            return entries.contains { $0.value.mentions(rest) }
        case (.anyIndex, .list(let elements)):
            return elements.contains { $0.mentions(rest) }
        default:
            return false
        }
    }
}
