import Foundation
import Testing

/// `simpleai explain`, as operators type it.
@Suite(.serialized, .devFleet()) struct ExplainTests {
    private func explain(_ arguments: String...) async throws -> RunningProcess.Ended {
        let fleet = try DevFleet.current()
        let program = Program(
            Repository.binary, ["explain", "--url", fleet.url] + arguments,
            environment: ["SIMPLEAI_TEST_TOKEN": try fleet.token("admin")])
        return try await program.run()
    }

    @Test func `a class, as a table`() async throws {
        let run = try await explain("--model", "class:fast")
        #expect(run.code == 0, "\(run.text)")
        let lines = run.output.split(separator: "\n")
        #expect(lines.first?.hasPrefix("class:fast (") == true, "\(run.output)")
        #expect(lines.first?.contains(" would serve it now, with ") == true, "\(run.output)")
        #expect(lines.dropFirst().first?.hasPrefix("RANK  RUNNER") == true, "\(run.output)")
        // Every machine of the fleet has a line.
        #expect(lines.count == 2 + 3, "\(run.output)")
    }

    @Test func `a machine that sleeps is not woken by asking`() async throws {
        for _ in 0..<2 {
            let run = try await explain("--model", "class:big")
            #expect(run.code == 0, "\(run.text)")
            #expect(run.output.contains("the call would wait for a machine to wake up"), "\(run.output)")
            #expect(run.output.contains("asleep, would be woken"), "\(run.output)")
        }
    }

    @Test func `for a caller with other roles`() async throws {
        let run = try await explain("--model", "class:fast", "--as-role", "guest & friends", "--as-role", "x")
        #expect(run.code == 0, "\(run.text)")
        #expect(
            run.output.contains("\nallowed: every caller may use classes; may wake machines; priority 0\n"),
            "\(run.output)")
        let denied = try await explain("--model", "llama3:8b", "--as-role", "guest")
        #expect(denied.code == 0, "\(denied.text)")
        let lines = denied.output.split(separator: "\n")
        #expect(
            lines.first?.hasPrefix("llama3:8b: the call would be rejected with 403: Permission denied") == true,
            "\(denied.output)")
        #expect(lines.last?.hasPrefix("denied: exact ids require a role that the caller lacks;") == true)
        let plain = try DevFleet.current()
        let refused = try await Program(
            Repository.binary, ["explain", "--url", plain.url, "--as-role", "guest"],
            environment: ["SIMPLEAI_TEST_TOKEN": try plain.token("basic")]
        ).run()
        #expect(refused.code == 1)
        #expect(refused.errors.hasPrefix("explain: the gateway returned 403: "), "\(refused.errors)")
    }

    @Test func `a running fleet is found, and a token for it`() async throws {
        let environment = try DevFleet.current().environment
        let run = try await Program(Repository.binary, ["explain", "--model", "class:fast"], environment: environment)
            .run()
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains(" would serve it now, with "), "\(run.output)")
    }

    @Test func `as JSON, for scripts`() async throws {
        let run = try await explain("--json")
        #expect(run.code == 0, "\(run.text)")
        let document = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
        #expect(document?["object"] as? String == "route")
    }

    @Test func `what the gateway refuses is said in a line`() async throws {
        let run = try await explain("--model", "class:none")
        #expect(run.code == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("explain: the gateway returned 404: Unknown class"), "\(run.errors)")
    }

    @Test func `no gateway there`() async throws {
        let run = try await Program.simpleai("explain", "--url", "http://127.0.0.1:1", "--no-auth").run()
        #expect(run.code == 1)
        #expect(run.errors.hasPrefix("explain: connection refused"), "\(run.errors)")
    }
}
