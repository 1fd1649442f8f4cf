import Foundation
import Testing

@testable import Settings

/// The example files contain every key, with its default and its description.
@Suite struct ExampleTests {
    @Test(arguments: SettingsFormat.allCases)
    func everyKeyIsInTheExampleWithItsDescription(_ format: SettingsFormat) throws {
        let example = try ExampleFile(format)
        let tree = try example.tree(of: example.everyKey)
        // Keys that a claim or a user of the example need not have.
        let keys = format.declarations.all.filter { !["path", "keys"].contains($0.declaration.name) }
        #expect(keys.map(\.path).filter { !tree.mentions($0) }.map(\.description) == [])
        let allComments = example.comments
        for (path, declaration) in keys where !declaration.name.hasSuffix("_file") || declaration.name == "ca_file" {
            let comments = allComments[declaration.name] ?? []
            #expect(
                comments.contains { $0.contains(declaration.description) },
                "\(path): no comment of the example contains \"\(declaration.description)\"; found \(comments)")
        }
    }

    @Test(arguments: SettingsFormat.allCases)
    func theSchemaAcceptsTheExample(_ format: SettingsFormat) throws {
        let example = try ExampleFile(format)
        for text in [example.text, example.everyKey] {
            expectSchema(format, agreesAbout: text, problems: [])
            expectSchema(format, agreesAbout: text + "\nunknown_key: 1\n", problems: ["is unknown; "])
        }
    }

    @Test func exampleLoadsWithoutWarnings() throws {
        let loaded = try SettingsFile.parse(ExampleFile(.gateway).text, name: "example", environment: [:])
        #expect(loaded.warnings == [])
    }

    @Test func environmentReachesTheExample() throws {
        let environment = ["OIDC_ISSUER": "https://id.example.org", "GPU_KEY": "sk-1"]
        let loaded = try SettingsFile.parse(ExampleFile(.gateway).text, name: "example", environment: environment)
        #expect(loaded.settings.auth.issuers.first?.issuer == "https://id.example.org")
        #expect(loaded.settings.runners.first?.apiKey == "sk-1")
    }

    /// A commented line shows the default.
    @Test func commentedKeysShowTheirDefaults() throws {
        let example = try ExampleFile(.gateway)
        let plain = try SettingsFile.parse(example.text, name: "example", environment: [:])
        let full = try SettingsFile.parse(example.everyKey, name: "example", environment: [:])
        #expect(full.settings == plain.settings)
    }
}
