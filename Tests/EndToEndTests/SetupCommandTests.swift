import Foundation
import Testing

/// `simpleai setup` on a machine with real engines: what it writes serves.
@Suite struct SetupCommandTests {
    /// A folder for an installation of its own; `simpleai` runs there with a home folder of its own.
    struct Installation {
        let folder: URL

        func simpleai(_ arguments: String...) -> Program {
            Program(
                Repository.binary, arguments, environment: ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path],
                directory: folder)
        }

        func setup(_ more: String...) async throws -> RunningProcess.Ended {
            try await Program(
                Repository.binary, ["setup", "--yes", "--directory", folder.path, "--no-start"] + more,
                environment: ["HOME": folder.path], directory: folder
            ).run()
        }

        func text(_ name: String) throws -> String {
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }

        func mode(_ name: String) throws -> Int? {
            let path = folder.appendingPathComponent(name).path
            return try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
    }

    func installed(_ body: (Installation) async throws -> Void) async throws {
        try await withTemporaryFolder { try await body(Installation(folder: $0)) }
    }

    @Test func `settings of setup are accepted by config check, and serve`() async throws {
        try await installed { machine in
            let port = try FreePort.tcp()
            let made = try await machine.setup("--port", "\(port)")
            #expect(made.code == 0, "\(made.text)")
            #expect(made.output.contains("curl http://127.0.0.1:\(port)/v1/chat/completions"), "\(made.text)")
            #expect(try machine.mode("simpleai.yaml") == 0o640)
            #expect(try machine.mode("tokens/token-key.pem") == 0o600)
            let check = try await machine.simpleai("config", "check").run()
            #expect(check.code == 0, "\(check.text)")
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let health = try await machine.simpleai("health").run()
                #expect(health.code == 0 && health.output.contains("is healthy, version "), "\(health.text)")
                let token = try await machine.simpleai("token", "--key", "tokens/token-key.pem", "--role", "admin")
                    .run()
                let keys = try await machine.simpleai(
                    "keys", "create", "laptop", "--url", "http://127.0.0.1:\(port)", "--token",
                    token.output.trimmingCharacters(in: .newlines)
                ).run()
                #expect(keys.code == 0, "\(keys.text)")
            }
            let down = try await machine.simpleai("health").run()
            #expect(down.code == 1 && down.errors.contains("is not healthy"), "\(down.text)")
        }
    }

    @Test func `the second run changes nothing, and the forced one keeps the key and the old file`() async throws {
        try await installed { machine in
            _ = try await machine.setup("--port", "18080")
            let (settings, key) = (try machine.text("simpleai.yaml"), try machine.text("tokens/token-key.pem"))
            let second = try await machine.setup("--port", "18081")
            #expect(
                second.code == 1 && second.errors.contains("simpleai.yaml exists and is not replaced"), "\(second.text)"
            )
            #expect(try machine.text("simpleai.yaml") == settings)
            let missing = try await machine.setup("--if-missing")
            #expect(missing.code == 0 && missing.output.contains("nothing to do"), "\(missing.text)")
            let forced = try await machine.setup("--port", "18081", "--force")
            #expect(forced.code == 0 && forced.output.contains("Kept the token key"), "\(forced.text)")
            #expect(try machine.text("simpleai.yaml").contains("port: 18081"))
            #expect(try machine.text("tokens/token-key.pem") == key)
            let names = try FileManager.default.contentsOfDirectory(atPath: machine.folder.path)
            let kept = try #require(names.first { $0.hasPrefix("simpleai.yaml.before-setup") })
            #expect(try machine.text(kept) == settings)
        }
    }

    @Test func `hand-made settings are not replaced`() async throws {
        try await installed { machine in
            let mine = "server: { host: 127.0.0.1 }\nauth: { mode: none }\n"
            try mine.write(
                to: machine.folder.appendingPathComponent("simpleai.yaml"), atomically: true, encoding: .utf8)
            let run = try await machine.setup()
            #expect(run.code == 1 && run.errors.contains("--force"), "\(run.text)")
            #expect(try machine.text("simpleai.yaml") == mine)
            #expect(!FileManager.default.fileExists(atPath: machine.folder.path + "/tokens"), "nothing is written")
            let untouched = try await machine.setup("--if-missing")
            #expect(untouched.code == 1, "\(untouched.text)")
        }
    }

    @Test func `answers that give no valid settings change nothing`() async throws {
        try await installed { machine in
            let run = try await machine.setup("--class", "fast=a,a", "--class", "fast=b")
            #expect(run.code == 1 && run.errors.contains("none were written"), "\(run.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == [])
        }
    }

    @Test func `the questions at a terminal decide`() async throws {
        try await installed { machine in
            let python = try #require(Python.path("python3"))
            let answers = """
                [["Number \\\\[1\\\\]: $", "9"], ["Enter a number from 1 to 2[^$]*: $", "2"], ["Search the other machines[^$]*: $", "n"],
                ["Use this[^$]*: $", "y"], ["Who issues[^$]*: $", "2"], ["Issuer URL: $", "keycloak"],
                ["Enter a URL[^$]*: $", "https://auth.example/realms/main"], ["Audience[^$]*: $", "ai"]]
                """
            let run = try await Program(
                python,
                [
                    Repository.file("Tests/EndToEndTests/clients/dialogue.py").path, answers, Repository.binary.path,
                    "setup",
                    "--directory", machine.folder.path, "--no-start", "--engine", "http://127.0.0.1:9",
                ],
                environment: ["HOME": machine.folder.path]
            ).run()
            #expect(run.code == 0, "\(run.text)")
            let text = try machine.text("simpleai.yaml")
            for line in [
                "host: \"0.0.0.0\"", "- issuer: \"https://auth.example/realms/main\"", "audience: ai",
                "http://127.0.0.1:9",
            ] {
                #expect(text.contains(line), "\(line): \(text)")
            }
            #expect(!FileManager.default.fileExists(atPath: machine.folder.path + "/tokens"), "no key is needed")
        }
    }

    @Test func `a port that is taken is left to its program`() async throws {
        try await installed { first in
            let made = try await Program(
                Repository.binary, ["setup", "--yes", "--directory", first.folder.path, "--no-start"]
            ).run()
            #expect(made.code == 0, "\(made.text)")
            let line = try #require(
                try first.text("simpleai.yaml").split(separator: "\n").first { $0.hasPrefix("  port: ") })
            try await RunningProcess.run(first.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                try await installed { second in
                    let made = try await Program(
                        Repository.binary, ["setup", "--yes", "--directory", second.folder.path, "--no-start"]
                    ).run()
                    #expect(made.code == 0, "\(made.text)")
                    #expect(try !second.text("simpleai.yaml").contains(line + "\n"))
                    #expect(made.output.contains("is in use by another program"), "\(made.text)")
                }
            }
        }
    }

    @Test func `a folder that cannot be written is named`() async throws {
        try await installed { machine in
            // A file in the place of a folder stops even root.
            let occupied = machine.folder.appendingPathComponent("occupied")
            try Data().write(to: occupied)
            let run = try await Program(
                Repository.binary, ["setup", "--yes", "--directory", occupied.path + "/etc", "--no-start"]
            ).run()
            #expect(run.code == 1 && run.errors.contains(occupied.path), "\(run.text)")
            for trace in ["Fatal error", "Error Domain=", ".swift:"] {
                #expect(!run.text.contains(trace), "\(run.text)")
            }
        }
    }

    @Test(arguments: [
        ["--port", "0"], ["--engine", "ftp://x"], ["--issuer", "keycloak"], ["--audience", "a"], ["--class", "fast"],
        ["--gateway", "ws://x"], ["--runner", "--listen-port", "99999"], ["--runner", "--host", "127.0.0.1"],
        ["--runner", "--port", "9"], ["--runner", "--issuer", "https://a.example"], ["--runner", "--class", "a=b"],
        ["--runner", "--scan-network"],
    ])
    func `invalid options are usage errors`(options: [String]) async throws {
        let run = try await Program(Repository.binary, ["setup", "--yes"] + options).run()
        #expect(run.code == 2, "\(run.text)")
    }

    @Test func `a machine joins with the line of invite, once`() async throws {
        try await installed { machine in
            let port = try FreePort.tcp()
            _ = try await machine.setup("--port", "\(port)")
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let admin = try await machine.simpleai("token", "--key", "tokens/token-key.pem", "--role", "admin")
                    .run()
                let token = admin.output.trimmingCharacters(in: .newlines)
                let url = "http://127.0.0.1:\(port)"
                let invited = try await machine.simpleai(
                    "invite", "desk", "--url", url, "--gateway", url, "--token", token
                ).run()
                #expect(invited.code == 0, "\(invited.text)")
                let line = invited.output.trimmingCharacters(in: .newlines)
                #expect(
                    line.hasPrefix(
                        "simpleai setup --runner --gateway ws://127.0.0.1:\(port) --id desk --token simpleai-join-"))

                try await withTemporaryFolder { agent in
                    let words = line.split(separator: " ").dropFirst().map(String.init)
                    let made = try await Program(
                        Repository.binary,
                        words + ["--yes", "--directory", agent.path, "--no-start", "--listen-port", "0"],
                        environment: ["HOME": agent.path], directory: agent
                    ).run()
                    #expect(made.code == 0, "\(made.text)")
                    let check = try await Program(
                        Repository.binary, ["config", "check", "--config", agent.path + "/runner.yaml"]
                    ).run()
                    #expect(check.code == 0, "\(check.text)")
                    for _ in 0..<2 {
                        // The second start uses the machine's own token.
                        try await RunningProcess.run(
                            Program(Repository.binary, ["runner", "--json"], directory: agent)
                        ) { runner in
                            let ready = try await runner.line("the registration", within: .seconds(30)) {
                                $0.hasPrefix("{")
                            }
                            #expect(ready.contains("\"runner\":\"desk\""))
                        }
                    }
                    let state = agent.appendingPathComponent("state.json").path
                    let mode = try FileManager.default.attributesOfItem(atPath: state)[.posixPermissions] as? Int
                    #expect(mode == 0o600)

                    // The same line on another machine.
                    try await withTemporaryFolder { other in
                        try FileManager.default.copyItem(
                            atPath: agent.path + "/runner.yaml", toPath: other.path + "/runner.yaml")
                        let text = try String(contentsOfFile: other.path + "/runner.yaml", encoding: .utf8)
                        try text.replacing(agent.path, with: other.path).write(
                            toFile: other.path + "/runner.yaml", atomically: true, encoding: .utf8)
                        try await RunningProcess.run(
                            Program(Repository.binary, ["runner", "--json"], directory: other)
                        ) { runner in
                            try await runner.prints("already used", times: 1, within: .seconds(30))
                        }
                    }
                }
            }
        }
    }

    @Test func `an incomplete invitation is refused before anything is written`() async throws {
        try await installed { machine in
            let run = try await Program(
                Repository.binary,
                [
                    "setup", "--runner", "--yes", "--directory", machine.folder.path, "--gateway", "ws://127.0.0.1:9",
                    "--id",
                    "x", "--token", "simpleai-join-abc",
                ]
            ).run()
            #expect(run.code == 1 && run.errors.contains("incomplete"), "\(run.text)")
            #expect(!FileManager.default.fileExists(atPath: machine.folder.path + "/runner.yaml"))
        }
    }
}
