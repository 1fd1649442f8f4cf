import Foundation
import Testing

/// The suite as an operator runs it, against the fleet that it starts itself.
@Suite struct AcceptanceRunTests {
    @Test func `all tests pass against the local fleet`() async throws {
        let run = try await Program.simpleai("test", "all", "--local").run(within: .seconds(300))
        #expect(run.code == 0, "\(run.text)")
        let passed = run.output.split(separator: "\n").filter { $0.hasPrefix("PASS") }
        for test in ["wol", "model-routing", "workload-routing", "auth", "dialects"] {
            #expect(passed.contains { $0.contains(" \(test).") }, "nothing of \(test) passed:\n\(run.output)")
        }
    }

    @Test(arguments: ["wol", "model-routing", "workload-routing", "auth", "dialects"])
    func `each test passes on its own`(name: String) async throws {
        let run = try await Program.simpleai("test", name, "--local").run(within: .seconds(300))
        #expect(run.code == 0, "\(run.text)")
    }

    @Test func `a machine whose power is cut fails the wake test`() async throws {
        let fleet = Program.simpleai("dev", "--json", "--cut-power")
        let run = try await RunningProcess.run(fleet) { process in
            let ready = try await process.ready()
            let token = try #require(ready.tokens?["basic"])
            return try await Program.simpleai(
                "test", "wol", "--url", ready.url, "--token", token, "--model", "class:big"
            ).run(within: .seconds(300))
        }
        #expect(run.code == 1, "\(run.text)")
        #expect(run.output.contains("FAIL"), "\(run.output)")
    }

    @Test func `without a token the three ways to give one are named`() async throws {
        let run = try await Program.simpleai("test", "auth", "--url", "http://127.0.0.1:1").run()
        #expect(run.code == 1)
        #expect(run.text.contains("No JWT token available"))
        for way in ["--token", "--token-binary", "SIMPLEAI_TEST_TOKEN"] { #expect(run.text.contains(way)) }
    }

    @Test func `a usage error exits with 2 and names what was wrong`() async throws {
        let run = try await Program.simpleai("test", "auth", "--no-such-option").run()
        #expect(run.code == 2)
        #expect(run.errors.contains("--no-such-option"))
    }

    @Test func `an interrupted run exits with 130 and still reports`() async throws {
        try await RunningProcess.run(.simpleai("test", "wol", "--local", "--verbose")) { process in
            _ = try await process.line("anything") { !$0.isEmpty }
            process.interrupt()
            let run = try await process.ended(within: .seconds(30))
            #expect(run.code == 130, "\(run.text)")
            #expect(run.text.lowercased().contains("interrupted"), "\(run.text)")
        }
    }

    @Test(arguments: [
        "test_wol", "test_model_routing", "test_workload_routing", "test_auth", "test_dialects", "get-token",
    ])
    func `the commands of old still response`(name: String) async throws {
        let run = try await Program.script("bin/\(name)", ["--help"]).run()
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains(name == "get-token" ? "--role" : "--token-binary"), "\(run.output)")
    }

    @Test(
        .enabled(if: Python.isThere, Python.missing),
        arguments: ["test_wol.py", "test_model_routing.py", "test_workload_routing.py", "test_auth.py"])
    func `so do the Python files that some people call`(name: String) async throws {
        let run = try await Program.script("bin/\(name)", ["--help"]).run()
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains("--token-binary"), "\(run.output)")
    }
}
