import Foundation
import Testing

/// The example that represents agents written by others.
@Suite struct ExampleAgentTests {
    /// An engine, a gateway and `examples/agent.py`, each a process of its own.
    @Test(.enabled(if: Python.isThere, Python.missing)) func joinsAndServes() async throws {
        try await withTemporaryFolder { folder in
            let settings = folder.appendingPathComponent("simpleai.yaml")
            try Data(
                """
                server: {port: 0}
                auth: {mode: none}
                classes: {fast: [tiny]}
                fleet: {token: shared-secret, state_file: \(folder.path)/state.json}
                """.utf8
            ).write(to: settings)
            let engine = Program.script("Tests/EndToEndTests/clients/tiny_engine.py", []).interpretedByPython()
            try await RunningProcess.run(engine) { engine in
                let engineURL = try await engine.ready().url
                let gateway = Program.simpleai("serve", "--config", settings.path, "--json", directory: folder)
                try await RunningProcess.run(gateway) { gateway in
                    let url = try await gateway.ready().url
                    let socket = url.replacing("http://", with: "ws://") + "/ws/runners"
                    let agent = Program.script(
                        "examples/agent.py", [socket, engineURL, "example-1"],
                        environment: ["RUNNER_TOKEN": "shared-secret"]
                    ).interpretedByPython()
                    try await RunningProcess.run(agent) { agent in
                        _ = try await agent.line("that it joined") { $0 == "joined as example-1" }
                        let response = try await chat(with: url)
                        #expect(response.prefix(2) == ["200", "example-1"])
                        #expect(response.last?.contains("tiny says hello") == true)
                    }
                }
            }
        }
    }

    @Test(.enabled(if: Python.isThere, Python.missing)) func reportsWhyItMayNotJoin() async throws {
        try await withTemporaryFolder { folder in
            let settings = folder.appendingPathComponent("simpleai.yaml")
            try Data(
                "server: {port: 0}\nauth: {mode: none}\nfleet: {token: shared-secret, state_file: \(folder.path)/state.json}\n"
                    .utf8
            ).write(to: settings)
            let gateway = Program.simpleai("serve", "--config", settings.path, "--json", directory: folder)
            try await RunningProcess.run(gateway) { gateway in
                let socket = try await gateway.ready().url.replacing("http://", with: "ws://") + "/ws/runners"
                let ended = try await Program.script(
                    "examples/agent.py", [socket, "http://127.0.0.1:1", "example-1"],
                    environment: ["RUNNER_TOKEN": "wrong"]
                ).interpretedByPython().run()
                #expect(ended.code == 1)
                #expect(ended.errors.contains("AUTH_FAILED"))
            }
        }
    }

    /// A call by an independent client: its status, the runner that served it, and the response.
    private func chat(with url: String) async throws -> [String] {
        let python = try #require(Python.path("python3"))
        let code = """
            import sys, urllib.request
            body = b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}'
            request = urllib.request.Request(
                sys.argv[1] + "/v1/chat/completions", body, {"Content-Type": "application/json"})
            answer = urllib.request.urlopen(request, timeout=60)
            print(answer.status, answer.headers["x-simpleai-runner"], answer.read().decode())
            """
        let ended = try await Program(python, ["-c", code, url]).run()
        #expect(ended.code == 0, "\(ended.text)")
        return ended.output.split(separator: " ", maxSplits: 2).map(String.init)
    }
}
