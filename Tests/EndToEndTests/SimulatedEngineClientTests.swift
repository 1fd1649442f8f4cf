import Foundation
import Testing

/// The simulated engines of `simpleai dev` speak the APIs as their clients define them, in strict validation.
@Suite struct SimulatedEngineClientTests {
    /// The part of the fleet's line that this test uses.
    private struct Line: Decodable {
        struct Machine: Decodable {
            let engine: String
            let models: [String]
            let endpoints: [String]
        }
        let machines: [Machine]
    }

    @Test(.enabled(if: Python.has("dialects"), Python.clientsMissing))
    func `clients of every API read the simulated engine's responses`() async throws {
        try await withTemporaryFolder { folder in
            let dev = Program(
                Repository.binary,
                ["dev", "--json", "--machines", "1", "--asleep", "0", "--ttft", "0", "--tokens-per-second", "0"],
                environment: ["XDG_RUNTIME_DIR": folder.path])
            try await RunningProcess.run(dev) { process in
                let text = try await process.line("the fleet's line") { $0.hasPrefix("{") }
                let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
                let machine = try #require(line.machines.first)
                #expect(machine.endpoints.contains("/v1/messages") && machine.endpoints.contains("/api/chat"))
                let script = Repository.file("Tests/EndToEndTests/clients/simulated_engine.py").path
                let run = try await Program(
                    Python.interpreter(of: "dialects"), [script],
                    environment: [
                        "SIMULATED_ENGINE": machine.engine, "SIMULATED_MODELS": machine.models.joined(separator: " "),
                    ]
                ).run(within: .seconds(120))
                let checks = run.output.split(separator: "\n")
                #expect(run.code == 0, "\(run.text)")
                #expect(checks.count { $0.hasPrefix("ok ") } == 21, "\(run.text)")
                for failure in checks where failure.hasPrefix("FAILED ") { Issue.record("\(failure)") }
            }
        }
    }
}
