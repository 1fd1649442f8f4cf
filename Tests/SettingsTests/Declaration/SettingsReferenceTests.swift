import Foundation
import Testing

@testable import Settings

/// The generated reference, and the quality of its descriptions.
@Suite struct SettingsReferenceTests {
    /// With `SIMPLEAI_UPDATE_DOCS=1`, the test writes the file instead.
    @Test func theReferenceIsUpToDate() throws {
        let file = Repository.file("docs/reference/settings.md")
        if ProcessInfo.processInfo.environment["SIMPLEAI_UPDATE_DOCS"] == "1" {
            try SettingsReference.markdown.write(to: file, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(
            written == SettingsReference.markdown,
            "run SIMPLEAI_UPDATE_DOCS=1 swift test --filter SettingsReferenceTests, and commit the file")
    }

    @Test(arguments: SettingsFormat.allCases)
    func everyKeyHasADescription(_ format: SettingsFormat) {
        for (path, key) in format.declarations.all {
            #expect(key.description.count > 8 && key.description.last == ".", "\(path): \(key.description)")
            #expect(!key.description.contains("\n") && !key.description.contains(". "), "\(path): one sentence")
        }
    }

    @Test(arguments: SettingsFormat.allCases)
    func everyValueHasADefaultOrIsRequired(_ format: SettingsFormat) {
        for (path, key) in format.declarations.all where key.shape.isLeaf && !["path", "keys"].contains(key.name) {
            let count = (key.standard == nil ? 0 : 1) + (key.defaultNote == nil ? 0 : 1) + (key.isRequired ? 1 : 0)
            #expect(count == 1, "\(path)")
        }
    }

    @Test(arguments: SettingsFormat.allCases)
    func keysOfATableDiffer(_ format: SettingsFormat) {
        let paths = format.declarations.all.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(paths.count > 25)
    }

    /// The schema and the reference show the default that an absent key has: reading it changes nothing.
    @Test func defaultsAreReadAsDefaults() throws {
        let report = SettingsReport()
        var tree = SettingsNode(content: .table([]), place: .init(file: "s.yaml", line: 1))
        let absent = SettingsFile.read(&tree, report: report)
        for (path, key) in SettingsFormat.gateway.declarations.all {
            guard let standard = key.standard, path.components.allSatisfy({ if case .key = $0 { true } else { false } })
            else { continue }
            let text = standard.yaml
            let value = try SettingsDocument.tree(
                of: "x: \(text)\n", name: "s.yaml", environment: .init(variables: [:]), report: report)
            guard case .table(let entries) = value.content, let content = entries.first?.value.content else { continue }
            var tree = SettingsNode(content: .table([]), place: .init(file: "s.yaml", line: 1))
            tree.set(content, at: path.components)
            #expect(SettingsFile.read(&tree, report: SettingsReport()) == absent, "\(path): \(text)")
        }
    }

    @Test func theSchemaStatesWhatItDescribes() throws {
        let schema = try #require(
            JSONSerialization.jsonObject(with: Data(SettingsFormat.gateway.schema.utf8)) as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["additionalProperties"] as? Bool == false)
        let server = try #require((schema["properties"] as? [String: Any])?["server"] as? [String: Any])
        let port = try #require((server["properties"] as? [String: Any])?["port"] as? [String: Any])
        #expect(port["default"] as? Int == 8080)
        #expect(port["maximum"] as? Int == 65_535)
        #expect(port["description"] as? String == "The port to listen on; 0: any free port, which is printed.")
        let drain = try #require((server["properties"] as? [String: Any])?["drain"] as? [String: Any])
        #expect(drain["default"] as? String == "30s")
        #expect((drain["pattern"] as? String)?.hasPrefix("^[0-9]+ *(ms|s|m|h)$|") == true)
    }
}
