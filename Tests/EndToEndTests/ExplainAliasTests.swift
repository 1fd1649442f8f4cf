import Foundation
import Testing

/// `simpleai explain` for a name that an alias maps to a class.
@Suite struct ExplainAliasTests {
    @Test func `the alias, its target and the parameters are named`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("simpleai.yaml")
            try """
            server: { port: 0 }
            auth: { mode: none }
            classes: { fast: [ m ] }
            models:
              aliases: { "gpt-4o*": { target: class:fast, keep_name: true }, exact: m }
              parameters: { "class:fast": { default: { temperature: 0.7 }, max: { max_tokens: 64 } } }
            runners: [ { id: r, url: "http://127.0.0.1:9", models: [ m ] } ]
            fleet: { state_file: \(folder.path)/state.json }
            keys: { database: \(folder.path)/keys.db }
            """.write(to: file, atomically: true, encoding: .utf8)
            try await RunningProcess.run(.simpleai("serve", "--config", file.path, "--json")) { process in
                let url = try await process.ready().url
                func explain(_ model: String) async throws -> [Substring] {
                    let run = try await Program.simpleai("explain", "--url", url, "--no-auth", "--model", model).run()
                    #expect(run.code == 0, "\(run.text)")
                    return run.output.split(separator: "\n")
                }
                let lines = try await explain("gpt-4o-mini")
                #expect(lines.first?.hasPrefix("class:fast (m), least_busy: ") == true, "\(lines)")
                #expect(
                    lines.dropFirst().prefix(2) == [
                        "alias: gpt-4o-mini (gpt-4o*) stands for class:fast; responses keep the name",
                        "parameters of class:fast: default temperature=0.7; max max_tokens=64",
                    ], "\(lines)")
                let exact = try await explain("exact")
                #expect(exact.dropFirst().first == "alias: exact stands for m", "\(exact)")
                #expect(!exact.contains { $0.hasPrefix("parameters") })
                #expect(try await explain("m").dropFirst().first?.hasPrefix("RANK") == true)
            }
        }
    }
}
