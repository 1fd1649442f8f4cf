import Foundation
import Testing

/// Machines that join with `simpleai runner`, as processes of their own, and the ways in which they disconnect.
@Suite(.enabled(if: Python.isThere && JoinedFleet.curl != nil, JoinedFleet.curlMissing))
struct RunnerAgentTests {
    private static let engine = "Tests/EndToEndTests/deployments/engine.py"

    /// A gateway with two runners, each in front of an engine with a model of its own.
    private func withTwoRunners<Value: Sendable>(
        _ body: (_ fleet: JoinedFleet, _ doomed: RunningProcess, _ engine: String) async throws -> Value
    ) async throws -> Value {
        try await JoinedFleet.with(models: ["left", "right"]) { fleet in
            try await withEngine("left") { left in
                try await withEngine("right") { right in
                    try await fleet.runner("right", engine: right) { _ in
                        try await fleet.runner("left", engine: left) { doomed in
                            try await fleet.answers("left")
                            try await fleet.answers("right")
                            return try await body(fleet, doomed, left)
                        }
                    }
                }
            }
        }
    }

    private func withEngine<Value: Sendable>(
        _ model: String, _ body: (_ settings: String) async throws -> Value
    ) async throws -> Value {
        try await RunningProcess.run(Program.script(Self.engine, [model]).interpretedByPython()) { process in
            try await body("{ kind: openai, url: \"\(try await process.ready().url)\", slots: 32 }")
        }
    }

    /// Runs `count` streams, and `body` when each has its first token; returns how they ended.
    private func withStreams(
        _ count: Int, of program: Program, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> [RunningProcess.Ended] {
        let (begins, begin) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: RunningProcess.Ended?.self) { group in
            for _ in 0..<count {
                group.addTask {
                    try await RunningProcess.run(program) { stream in
                        _ = try await stream.line("the first token") { $0.contains("t0 ") }
                        begin.yield()
                        return try await stream.streamEnded()
                    }
                }
            }
            group.addTask {
                var left = count
                for await _ in begins {
                    left -= 1
                    if left == 0 { break }
                }
                try await body()
                return nil
            }
            return try await group.reduce(into: []) { ends, end in if let end { ends.append(end) } }
        }
    }

    @Test func `a runner that is killed ends its streams in errors, and is back when it is started again`() async throws
    {
        try await withTwoRunners { fleet, doomed, engine in
            try await RunningProcess.run(try fleet.chat("right", tokens: 200)) { neighbour in
                _ = try await neighbour.line("the first token") { $0.contains("t0 ") }
                let ends = try await withStreams(20, of: try fleet.chat("left", tokens: 2_000)) { doomed.kill() }
                #expect(ends.count == 20)
                for end in ends {
                    #expect(end.output.contains("\"error\":{"), "\(end.text.suffix(300))")
                    #expect(!end.output.contains("[DONE]"))
                }
                // Other streams are unaffected.
                let other = try await neighbour.streamEnded()
                #expect(other.output.contains("t199 "))
                #expect(other.output.contains("[DONE]"))
            }
            try await fleet.metrics { $0.contains("\nsimpleai_leases 0\n") && $0.contains("\nsimpleai_calls_open 0\n") }
            let restart = ContinuousClock.now
            try await fleet.runner("left", engine: engine) { _ in
                let response = try await fleet.chat("left").run()
                #expect(response.output.contains("\"choices\""), "\(response.text)")
                // Not asserted: the duration depends on this computer. LinkStateTests covers the agent's own waits.
                print("a runner that was killed served again \(restart.duration(to: .now)) after its restart")
            }
        }
    }

    @Test func `a runner that is told to end loses no stream`() async throws {
        try await withTwoRunners { fleet, leaving, _ in
            let ends = try await withStreams(5, of: try fleet.chat("left", tokens: 60)) { leaving.terminate() }
            for end in ends {
                #expect(end.output.contains("t59 "))
                #expect(end.output.contains("[DONE]"), "\(end.text.suffix(300))")
            }
            let end = try await leaving.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.text)")
        }
    }

    @Test func `the agent reads its settings again at SIGHUP`() async throws {
        try await JoinedFleet.with(models: ["left", "mine"]) { fleet in
            try await withEngine("left") { left in
                try await fleet.runner("left", engine: left) { runner in
                    try await fleet.answers("left")
                    let settings = try fleet.settings(of: "left")
                    // Invalid settings change nothing.
                    try fleet.write("nonsense: 1", asSettingsOf: "left")
                    runner.hangUp()
                    _ = try await runner.line("the refusal", on: .errors) { $0.contains("Settings reload failed") }
                    try await fleet.answers("left")
                    // Twice, because a handler may work for the first signal only.
                    for alias in ["mine", "other"] {
                        try fleet.write(settings + "\naliases: { \(alias): left }\n", asSettingsOf: "left")
                        runner.hangUp()
                        try await fleet.answers(alias)
                    }
                    runner.hangUp()
                    _ = try await runner.line("that nothing has changed", on: .errors) {
                        $0.contains("Settings unchanged")
                    }
                    runner.terminate()
                    let end = try await runner.ended(within: .seconds(60))
                    #expect(end.code == 0, "\(end.text)")
                }
            }
        }
    }

    @Test func `calls are served, and what cannot be is said clearly`() async throws {
        try await withTwoRunners { fleet, _, _ in
            let list = try await fleet.curl("/v1/models").run().output
            #expect(list.contains("\"left\"") && list.contains("\"right\""))
            let response = try await fleet.chat("right").run()
            #expect(response.output.contains("counted"))
        }
    }
}

/// The agent starts a real llama.cpp server, watches it and stops it.
@Suite(.serialized, .enabled(if: Python.clientsAreThere && JoinedFleet.curl != nil, Python.clientsMissing))
struct ManagedEngineTests {
    private static let model = "smollm2:135m"

    @Test func `a llama server that the agent runs serves, comes back and ends with it`() async throws {
        try await JoinedFleet.with(models: [Self.model]) { fleet in
            let port = try FreePort.tcp()
            let command = [
                Repository.file(".venv-real/bin/python").path, Repository.file("scripts/real-engine").path,
                "--serve-one",
                "--model", Self.model, "--slots", "2", "--context", "512", "--threads", "1", "--port", "\(port)",
            ]
            let engine = "{ kind: llama-server, url: \"http://127.0.0.1:\(port)\", command: \(command) }"
            var last = pid_t(0)
            try await fleet.runner("real", engine: engine) { runner in
                try await fleet.answers(Self.model, within: .seconds(120))
                let first = try await Self.engine(of: runner)
                #expect(kill(first, SIGKILL) == 0)
                last = try await Self.engine(of: runner, after: first)
                try await fleet.answers(Self.model, within: .seconds(120))
                runner.terminate()
                #expect(try await runner.ended(within: .seconds(60)).code == 0)
            }
            #expect(kill(last, 0) != 0, "the engine is still there")
        }
    }

    /// The process id of an engine other than `before`, from the agent's log.
    private static func engine(of runner: RunningProcess, after before: pid_t? = nil) async throws -> pid_t {
        let line = try await runner.line("an engine that starts", on: .errors) { line in
            line.contains("Engine started") && id(in: line) != before
        }
        return try #require(id(in: line))
    }

    private static func id(in line: String) -> pid_t? {
        line.firstRange(of: "pid=").flatMap { pid_t(line[$0.upperBound...].prefix { $0.isNumber }) }
    }
}
