import Foundation
import Testing

/// A machine without an agent, which `simpleai sleep` puts to sleep with the program in the gateway's settings. Falling
/// asleep is played by its engine's end.
@Suite(.enabled(if: Python.isThere && JoinedFleet.curl != nil, JoinedFleet.curlMissing))
struct StaticSleepCommandTests {
    private func with(
        _ script: String,
        _ body: @escaping @Sendable (_ fleet: JoinedFleet, _ engine: RunningProcess) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let engine = Program.script("Tests/EndToEndTests/clients/tiny_engine.py", []).interpretedByPython()
            try await RunningProcess.run(engine) { engine in
                let command = try writeScript(
                    "suspend", in: folder, script.replacing("ENGINE", with: "\(engine.id)"))
                let runner = """
                    runners:
                      - id: pc
                        url: \(try await engine.ready().url)
                        models: [tiny]
                        probe: { every: 200ms }
                        wake: { mac: "02:53:41:49:00:0a", broadcast: 127.0.0.1 }
                        sleep: { command: [\(command.path), now] }
                    """
                try await JoinedFleet.with(models: ["tiny"], more: runner) { fleet in
                    try await fleet.answers("tiny")
                    try await body(fleet, engine)
                }
            }
        }
    }

    private func putToSleep(_ fleet: JoinedFleet) async throws -> RunningProcess.Ended {
        try await Program.simpleai("sleep", "pc", "--url", fleet.url, "--token", "any").run()
    }

    @Test func `a program of the gateway puts a machine to sleep, and a call starts its wake`() async throws {
        try await with("kill -9 ENGINE") { fleet, engine in
            let slept = try await putToSleep(fleet)
            #expect(slept.code == 0 && slept.output == "pc is asleep.\n", "\(slept.text)")
            #expect(try await engine.ended(within: .seconds(60)).code != 0)
            let list = try await fleet.curl("/v1/models").run().output
            #expect(list.contains("\"state\":\"asleep\""), "\(list)")
            try await RunningProcess.run(try fleet.chat("tiny")) { _ in
                try await fleet.metrics { $0.contains("simpleai_runners{state=\"waking\"} 1") }
            }
        }
    }

    @Test func `a failing program leaves the machine awake, and the operator learns why`() async throws {
        try await with("echo \"$1: denied\" >&2; exit 7") { fleet, _ in
            let slept = try await putToSleep(fleet)
            #expect(slept.code == 1 && slept.text.contains("putting pc to sleep failed: "), "\(slept.text)")
            #expect(slept.text.contains("exited with status 7: now: denied"), "\(slept.text)")
            let table = try await Program.simpleai("fleet", "--once", "--url", fleet.url, "--token", "any").run()
            #expect(table.output.contains("pc: sleep failed: "), "\(table.text)")
            let line = try await fleet.gateway.line("why", on: .errors) { $0.contains("Sleep failed") }
            #expect(line.contains("cause="), "\(line)")
            #expect(try await fleet.chat("tiny").run().output.contains("tiny says hello"))
        }
    }
}
