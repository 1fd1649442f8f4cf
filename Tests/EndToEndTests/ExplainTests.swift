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
            #expect(run.output.contains("it would wait for a machine to wake up"), "\(run.output)")
            #expect(run.output.contains("asleep, would be woken"), "\(run.output)")
        }
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
        #expect(run.errors.hasPrefix("explain: the gateway answered 404: There is no class"), "\(run.errors)")
    }

    @Test func `nobody there`() async throws {
        let run = try await Program.simpleai("explain", "--url", "http://127.0.0.1:1", "--no-auth").run()
        #expect(run.code == 1)
        #expect(run.errors.hasPrefix("explain: connection refused"), "\(run.errors)")
    }
}
