import Foundation
import Testing

/// `simpleai config schema`.
@Suite struct SettingsSchemaTests {
    @Test(arguments: [
        ([], "simpleai.yaml", "routing"), (["--for", "gateway"], "simpleai.yaml", "runners"),
        (["--for", "runner"], "runner.yaml", "engines"), (["--for", "tokens"], "simpleai-tokens.yaml", "users"),
    ])
    func `prints the schema of a settings file`(_ options: [String], _ title: String, _ key: String) async throws {
        let run = try await Program(Repository.binary, ["config", "schema"] + options).run()
        #expect(run.code == 0 && run.errors.isEmpty, "\(run.text)")
        let schema = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["title"] as? String == title)
        let properties = try #require(schema["properties"] as? [String: Any])
        #expect(properties[key] != nil)
    }

    @Test func `an unknown file is refused with the known ones`() async throws {
        let run = try await Program(Repository.binary, ["config", "schema", "--for", "engine"]).run()
        #expect(run.code == 2)
        #expect(run.errors.contains("gateway") && run.errors.contains("tokens"), "\(run.text)")
    }
}
