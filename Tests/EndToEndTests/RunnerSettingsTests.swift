import Foundation
import Testing

/// The reports of `simpleai runner` and `simpleai config check` about `runner.yaml`.
@Suite struct RunnerSettingsTests {
    @Test func `mistakes in the settings are listed with their lines`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("runner.yaml")
            try "gateway: http://x\nid: a\nengines: [{ kind: olama }]\n".write(
                to: file, atomically: true, encoding: .utf8)
            for command in [["runner", "--config"], ["config", "check", "--config"]] {
                let run = try await Program(Repository.binary, command + [file.path]).run()
                #expect(run.code == 1)
                for problem in [
                    "runner.yaml:1: gateway: ", "runner.yaml:1: token: ", "runner.yaml:3: engines[0].kind: ",
                ] {
                    #expect(run.errors.contains(problem), "\(run.text)")
                }
            }
        }
    }

    @Test func `the example is a runner's file`() async throws {
        let run = try await Program.simpleai(
            "config", "check", "--config", Repository.file("runner.example.yaml").path
        ).run()
        #expect(run.code == 0)
        #expect(run.output.contains("joins       ws://gateway.lan:8080/ws/runners as gpu-server-1"), "\(run.text)")
    }
}
