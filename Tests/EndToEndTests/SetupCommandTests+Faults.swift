import Foundation
import Testing

/// What setup does on machines where something is in its way, and what it leaves if it ends early.
extension SetupCommandTests {
    /// Runs a line of a shell, in which `$0` is the program under test.
    private func shell(_ line: String, _ arguments: [String] = [], in folder: URL) async throws
        -> RunningProcess.Ended
    {
        try await Program(
            URL(fileURLWithPath: "/bin/sh"), ["-c", line, Repository.binary.path] + arguments,
            environment: [
                "HOME": folder.path, "XDG_RUNTIME_DIR": folder.path,
                "PATH": Repository.binary.deletingLastPathComponent().path + ":/usr/bin:/bin",
            ], directory: folder
        ).run()
    }

    /// An HTTP server that gives every request the same response.
    private func responding(
        _ status: Int, _ body: String, _ test: (_ url: String, _ port: String) async throws -> Void
    ) async throws {
        let python = try #require(Python.path("python3"))
        let script = Repository.file("Tests/EndToEndTests/clients/static_engine.py").path
        try await RunningProcess.run(Program(python, [script, "\(status)", body])) { engine in
            let port = try await engine.line("its port", within: .seconds(30)) { Int($0) != nil }
            try await test("http://127.0.0.1:\(port)", port)
        }
    }

    private static let models = #"{"data":[{"id":"m:1b"}]}"#

    /// A container with a read-only root has no folder for temporary files.
    @Test func `setup needs no folder for temporary files`() async throws {
        try await installed { machine in
            let line = #"TMPDIR=/nonexistent exec "$0" setup --yes --no-start --directory new/settings"#
            let run = try await shell(line, in: machine.folder)
            #expect(run.code == 0, "\(run.text)")
            let files = FileManager.default
            #expect(try files.contentsOfDirectory(atPath: machine.folder.path) == ["new"])
            let folder = machine.folder.appendingPathComponent("new/settings").path
            #expect(try files.contentsOfDirectory(atPath: folder).sorted() == ["simpleai.yaml", "tokens"])
        }
    }

    // MARK: Existing files

    @Test func `copies of former settings never replace each other`() async throws {
        try await installed { machine in
            let path = machine.folder.appendingPathComponent("simpleai.yaml")
            try "# mine\n".write(to: path, atomically: true, encoding: .utf8)
            for port in ["18080", "18081", "18082"] {
                let run = try await machine.setup("--force", "--port", port)
                #expect(run.code == 0, "\(run.text)")
            }
            #expect(try machine.text("simpleai.yaml.before-setup") == "# mine\n")
            #expect(try machine.text("simpleai.yaml.before-setup-2").contains("port: 18080"))
            #expect(try machine.text("simpleai.yaml.before-setup-3").contains("port: 18081"))
            #expect(try machine.text("simpleai.yaml").contains("port: 18082"))
        }
    }

    @Test func `an edited file of a package is not replaced, and comments in it are kept`() async throws {
        try await installed { machine in
            let path = machine.folder.appendingPathComponent("simpleai.yaml")
            let template = try String(contentsOf: Repository.file("deploy/etc/simpleai.yaml"), encoding: .utf8)
            let edited = template.replacing("8080", with: "9443")
            try edited.write(to: path, atomically: true, encoding: .utf8)
            let refused = try await machine.setup()
            #expect(refused.code == 1 && refused.errors.contains("--force"), "\(refused.text)")
            #expect(try machine.text("simpleai.yaml") == edited)

            try (template + "# mine\n").write(to: path, atomically: true, encoding: .utf8)
            #expect(try await machine.setup().code == 0)
            #expect(try machine.text("simpleai.yaml.before-setup") == template + "# mine\n")
        }
        try await installed { machine in
            try FileManager.default.copyItem(
                at: Repository.file("deploy/etc/simpleai.yaml"),
                to: machine.folder.appendingPathComponent("simpleai.yaml"))
            #expect(try await machine.setup().code == 0)
            let names = try FileManager.default.contentsOfDirectory(atPath: machine.folder.path).sorted()
            #expect(names == ["simpleai.yaml", "tokens"], "nothing of an unedited file is kept")
        }
    }

    @Test func `a linked settings file stays a link`() async throws {
        try await installed { machine in
            let target = machine.folder.appendingPathComponent("real.yaml")
            try "# mine\n".write(to: target, atomically: true, encoding: .utf8)
            let link = machine.folder.path + "/simpleai.yaml"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real.yaml")
            #expect(try await machine.setup("--force").code == 0)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real.yaml")
            #expect(try machine.text("real.yaml").hasPrefix("# Written by simpleai setup."))
            #expect(try machine.mode("real.yaml") == 0o640)
            #expect(try machine.text("simpleai.yaml.before-setup") == "# mine\n")
        }
    }

    // MARK: Modes

    @Test(arguments: ["000", "077", "027"]) func `modes do not depend on the umask`(umask: String) async throws {
        try await installed { machine in
            let gateway = try await shell(
                "umask \(umask); exec \"$0\" setup --yes --no-start --directory new/etc --state-directory new/state",
                in: machine.folder)
            #expect(gateway.code == 0, "\(gateway.text)")
            let runner = try await shell(
                "umask \(umask); exec \"$0\" setup --yes --no-start --directory agent/etc --state-directory agent/state"
                    + " --runner --gateway ws://127.0.0.1:9 --id a --token t", in: machine.folder)
            #expect(runner.code == 0, "\(runner.text)")
            for (name, mode) in [
                ("new", 0o755), ("new/etc", 0o755), ("new/etc/tokens", 0o755), ("new/etc/tokens/jwks.json", 0o644),
                ("new/etc/tokens/token-key.json", 0o644), ("new/etc/tokens/token-key.pem", 0o600),
                ("new/etc/simpleai.yaml", 0o640), ("new/state", 0o700), ("agent/etc", 0o755),
                ("agent/etc/runner.yaml", 0o640), ("agent/state", 0o700),
            ] {
                #expect(try machine.mode(name) == mode, "\(name)")
            }
        }
    }

    // MARK: The token key

    @Test(arguments: [["jwks.json"], ["token-key.json", "jwks.json"]])
    func `a setup that was killed after its key can be repeated`(missing: [String]) async throws {
        try await installed { machine in
            #expect(try await machine.setup("--port", "18080").code == 0)
            let key = try machine.text("tokens/token-key.pem")
            for name in missing + ["../simpleai.yaml"] {
                try FileManager.default.removeItem(atPath: machine.folder.path + "/tokens/\(name)")
            }
            let again = try await machine.setup("--port", "18080")
            #expect(again.code == 0, "\(again.text)")
            #expect(try machine.text("tokens/token-key.pem") == key)
            #expect(try await machine.simpleai("config", "check").run().code == 0)
        }
    }

    @Test func `settings follow the key that is kept`() async throws {
        try await installed { machine in
            let made = try await machine.simpleai(
                "token", "init", "--directory", "tokens", "--issuer", "https://my.issuer", "--audience", "other"
            ).run()
            #expect(made.code == 0, "\(made.text)")
            // The key set of another key.
            let other = try await machine.simpleai("token", "init", "--directory", "elsewhere").run()
            #expect(other.code == 0)
            let path = machine.folder.path
            try FileManager.default.removeItem(atPath: path + "/tokens/jwks.json")
            try FileManager.default.copyItem(
                atPath: path + "/elsewhere/jwks.json", toPath: path + "/tokens/jwks.json")

            let port = try FreePort.tcp()
            let run = try await machine.setup("--port", "\(port)")
            #expect(run.code == 0 && run.output.contains("jwks.json.before-setup"), "\(run.text)")
            let text = try machine.text("simpleai.yaml")
            for line in ["issuer: \"https://my.issuer\"", "audience: other", "algorithms: [RS256]"] {
                #expect(text.contains(line), "\(text)")
            }
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let keys = try await shell(
                    "\"$0\" keys list --url http://127.0.0.1:\(port) --token "
                        + "\"$(\"$0\" token --role admin --key tokens/token-key.pem)\"", in: machine.folder)
                #expect(keys.code == 0, "the gateway accepts its tokens: \(keys.text)")
            }
        }
    }

    @Test(arguments: ["", "garbage\n"]) func `an unusable key is refused`(content: String) async throws {
        try await installed { machine in
            let folder = machine.folder.path + "/tokens"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            #expect(
                FileManager.default.createFile(
                    atPath: folder + "/token-key.pem", contents: Data(content.utf8),
                    attributes: [.posixPermissions: 0o600]))
            let run = try await machine.setup()
            #expect(run.code == 1 && run.errors.contains("token-key.pem is not a usable signing key"), "\(run.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == ["tokens"])
        }
    }

    // MARK: Addresses

    @Test(arguments: [
        ("192.0.2.1", "not an address of this machine"), ("name.invalid", "nor a name for one"),
    ])
    func `a host that is not this machine's is named`(host: String, message: String) async throws {
        try await installed { machine in
            let run = try await Program(
                Repository.binary, ["setup", "--yes", "--directory", machine.folder.path, "--host", host]
            ).run()
            #expect(run.code == 1 && run.errors.contains(message) && run.errors.contains("--host"), "\(run.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == [])
        }
    }

    @Test(arguments: [
        ["--port"], ["--runner", "--gateway", "ws://127.0.0.1:9", "--id", "a", "--token", "t", "--listen-port"],
    ])
    func `a chosen port that is taken is refused, and for later only a warning`(options: [String]) async throws {
        try await responding(200, "{}") { _, port in
            try await installed { machine in
                let now = try await Program(
                    Repository.binary, ["setup", "--yes", "--directory", machine.folder.path] + options + [port]
                ).run()
                #expect(now.code == 1 && now.errors.contains("port \(port) is in use by python"), "\(now.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == [])
                let later = try await Program(
                    Repository.binary,
                    ["setup", "--yes", "--no-start", "--directory", machine.folder.path] + options + [port]
                ).run()
                #expect(later.code == 0 && later.errors.contains("warning: port \(port) is in use"), "\(later.text)")
            }
        }
    }

    @Test func `a gateway that runs keeps its port, and its restart is a next step`() async throws {
        try await installed { machine in
            let port = try FreePort.tcp()
            #expect(try await machine.setup("--port", "\(port)").code == 0)
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let again = try await machine.setup("--force")
                #expect(again.code == 0 && !again.output.contains("in use by another program"), "\(again.text)")
                #expect(try machine.text("simpleai.yaml").contains("port: \(port)\n"))
                #expect(again.output.contains("still runs with its former settings"), "\(again.text)")
                #expect(again.output.contains("Restart it:       simpleai serve"), "\(again.text)")
            }
        }
    }

    // MARK: Engines

    @Test func `an engine that is named in three ways is one runner`() async throws {
        try await responding(200, Self.models) { url, port in
            try await installed { machine in
                let run = try await machine.setup(
                    "--engine", url + "/v1", "--engine", "http://localhost:\(port)/", "--engine", url, "--port", "18080"
                )
                #expect(run.code == 0, "\(run.text)")
                let lines = try machine.text("simpleai.yaml").split(separator: "\n").filter { $0.contains(":\(port)") }
                #expect(lines.count == 1 && lines.first?.hasSuffix("\"\(url)\"") ?? false, "\(lines)")
            }
        }
    }

    @Test func `an engine that requires a key is found`() async throws {
        try await responding(401, #"{"error":{"message":"Invalid API Key"}}"#) { url, _ in
            try await installed { machine in
                let run = try await machine.setup("--engine", url, "--port", "18080")
                #expect(run.code == 0 && run.output.contains("\(url): requires a key (api_key)"), "\(run.text)")
                #expect(!run.errors.contains("does not respond like an engine"), "\(run.text)")
                #expect(try machine.text("simpleai.yaml").contains("#api_key:"))
            }
        }
    }

    @Test func `a model whose name settings refuse stops nothing`() async throws {
        let models = #"{"data":[{"id":" lead:7b "},{"id":"a\u001b[2Jb"},{"id":"m:1b"}]}"#
        try await responding(200, models) { url, _ in
            try await installed { machine in
                let run = try await machine.setup("--engine", url, "--port", "18080")
                #expect(run.code == 0 && !run.text.contains("\u{1B}"), "\(run.text)")
                #expect(try machine.text("simpleai.yaml").contains("m:1b"))
            }
        }
    }

    // MARK: Order

    @Test func `a state folder that cannot be made stops setup before anything is complete`() async throws {
        try await installed { machine in
            try Data().write(to: machine.folder.appendingPathComponent("file"))
            for folder in ["file", "file/state"] {
                let run = try await machine.setup("--state-directory", machine.folder.path + "/" + folder)
                #expect(run.code == 1 && run.errors.contains("file"), "\(run.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == ["file"])
                let runner = try await machine.setup(
                    "--state-directory", machine.folder.path + "/" + folder, "--runner", "--gateway",
                    "ws://127.0.0.1:9",
                    "--id", "a", "--token", "t")
                #expect(runner.code == 1, "\(runner.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == ["file"])
            }
        }
    }

    @Test func `an error follows the lines that led to it, in a pipe, too`() async throws {
        try await installed { machine in
            let run = try await shell(
                "\"$0\" setup --yes --no-start --directory . --engine http://127.0.0.1:9 --class fast=a,a 2>&1 | cat",
                in: machine.folder)
            let lines = run.output.split(separator: "\n")
            let engine = try #require(lines.firstIndex { $0.hasPrefix("Engine http://127.0.0.1:9") }, "\(run.text)")
            let warning = try #require(lines.firstIndex { $0.hasPrefix("warning: http://127.0.0.1:9") })
            let error = try #require(lines.firstIndex { $0.hasPrefix("Error: ") })
            #expect(warning < engine && engine < error, "\(run.output)")
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4]) func `the end of the input is no consent`(question: Int) async throws {
        try await installed { machine in
            let python = try #require(Python.path("python3"))
            let questions = [
                ("Number \\\\[1\\\\]: $", "1"), ("Search the other machines[^$]*: $", "n"), ("Use this[^$]*: $", "y"),
                ("Who issues[^$]*: $", "2"), ("Issuer URL: $", ""),
            ]
            let answers = questions.prefix(question + 1).enumerated().map { index, entry in
                "[\"\(entry.0)\", \(index == question ? "null" : "\"\(entry.1)\"")]"
            }
            let run = try await Program(
                python,
                [
                    Repository.file("Tests/EndToEndTests/clients/dialogue.py").path,
                    "[\(answers.joined(separator: ","))]", Repository.binary.path, "setup", "--directory",
                    machine.folder.path, "--no-start", "--engine", "http://127.0.0.1:9",
                ], environment: ["HOME": machine.folder.path]
            ).run()
            #expect(run.code == 1 && run.output.contains("nothing was written"), "\(run.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: machine.folder.path) == [])
        }
    }

    // MARK: Next steps

    @Test func `the next steps work as printed`() async throws {
        try await responding(200, Self.models) { url, _ in
            try await installed { machine in
                let port = try FreePort.tcp()
                let run = try await machine.setup("--port", "\(port)", "--engine", url)
                let lines = run.output.split(separator: "\n").map(String.init)
                func step(_ name: String) throws -> String {
                    try #require(lines.first { $0.hasPrefix(name + ":") }, "\(run.text)").dropFirst(name.utf8.count + 1)
                        .trimmingCharacters(in: .whitespaces)
                }
                try await RunningProcess.run(
                    Program(
                        URL(fileURLWithPath: "/bin/sh"), ["-c", "exec \(try step("Start it")) --json"],
                        environment: [
                            "HOME": machine.folder.path,
                            "PATH": Repository.binary.deletingLastPathComponent().path + ":/usr/bin:/bin",
                        ])
                ) { process in
                    _ = try await process.ready()
                    let invited = try await shell(step("Another machine"), in: machine.folder)
                    #expect(invited.code == 0 && invited.output.contains("--id NAME"), "\(invited.text)")
                    let doctor = try await shell(step("Trouble"), in: machine.folder)
                    #expect(!doctor.text.contains("no settings file"), "\(doctor.text)")
                    let start = try #require(lines.firstIndex { $0.hasPrefix("First response:") })
                    let call = lines[start..<(start + 3)].joined(separator: "\n").dropFirst(
                        "First response:".utf8.count)
                    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/curl") else { return }
                    // The engine answers every request in the same way, which the gateway passes on or refuses: but it
                    // has accepted the token and the class.
                    let response = try await shell("\(call) -s -o /dev/null -w '%{http_code}'", in: machine.folder)
                    #expect(!["000", "400", "401", "404"].contains(response.output), "\(response.text)")
                }
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "sudo runs as root")) func `after sudo, the next steps have it, too`()
        async throws
    {
        try await installed { machine in
            for (user, isExpected) in [("alice", true), ("root", false)] {
                let run = try await Program(
                    Repository.binary,
                    ["setup", "--yes", "--no-start", "--force", "--directory", machine.folder.path, "--port", "18080"],
                    environment: ["HOME": machine.folder.path, "SUDO_USER": user]
                ).run()
                #expect(run.output.contains("$(sudo simpleai token") == isExpected, "\(run.text)")
                #expect(run.output.contains("sudo simpleai doctor") == isExpected, "\(run.text)")
            }
        }
    }
}
