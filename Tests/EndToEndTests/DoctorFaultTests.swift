import Foundation
import Testing

/// Faults that only a trial finds: tokens, programs that behave strangely, another gateway, an agent's token.
extension DoctorCommandTests {
    // MARK: Tokens

    @Test func `a key set of another key`() async throws {
        try await installed { machine in
            let made = try await machine.simpleai("token", "init", "--directory", machine.path("other")).run()
            #expect(made.code == 0, "\(made.text)")
            try FileManager.default.removeItem(atPath: machine.path("tokens/jwks.json"))
            try FileManager.default.copyItem(
                atPath: machine.path("other/jwks.json"), toPath: machine.path("tokens/jwks.json"))
            try await machine.expect("token.refused", "tokens/token-key.pem", "simpleai token init --directory")
        }
    }

    @Test func `the fix of a key set of another key is the right one`() async throws {
        try await installed { machine in
            try machine.edit("audience: simpleai", "audience: lab")
            let found = try await machine.findings()
            #expect(found.map(\.check) == ["token.refused"], "\(found)")
            let command = try #require(found.first?.fix.firstRange(of: "simpleai token init ")).upperBound
            let words = try #require(found.first?.fix[command...].split(separator: " ").map(String.init))
            let program = Program(Repository.binary, ["token", "init"] + words, directory: machine.folder)
            let fixed = try await program.run()
            #expect(fixed.code == 0, "\(fixed.text)")
            #expect(try await machine.findings().isEmpty)
        }
    }

    @Test func `a damaged token key`() async throws {
        try await installed { machine in
            try "no key".write(toFile: machine.path("tokens/token-key.pem"), atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: machine.path("tokens/token-key.pem"))
            try await machine.expect("token.unusable-key", "PEM")
        }
    }

    @Test(arguments: [#"{"keys":[{}]}"#, #"{"keys":["x"]}"#, #"{"keys":[{"kty":"oct","k":"AAAA"}]}"#])
    func `a key set without a usable key`(document: String) async throws {
        try await installed { machine in
            try document.write(toFile: machine.path("tokens/jwks.json"), atomically: true, encoding: .utf8)
            try await machine.expect("issuer.unusable-keys", "the only key", "jwks.json")
        }
    }

    // MARK: Files

    @Test(arguments: [
        ("tokens/jwks.json", 0o666, "files.writable-by-all"), ("tokens", 0o777, "files.open-folder"),
        ("simpleai.yaml", 0o666, "files.writable-by-all"),
    ])
    func `files that every user can change`(name: String, mode: Int, check: String) async throws {
        try await installed { machine in
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: machine.path(name))
            let found = try await machine.findings()
            #expect(!found.isEmpty && found.allSatisfy { $0.check == check }, "\(found)")
            #expect(found.contains { $0.fix.contains(name) }, "\(found)")
        }
    }

    @Test func `a state file that is a folder`() async throws {
        try await installed { machine in
            try FileManager.default.createDirectory(
                atPath: machine.path("simpleai-state.json"), withIntermediateDirectories: true)
            try await machine.expect("files.not-a-file", "is a folder")
        }
    }

    @Test func `a database on a volume that is not mounted`() async throws {
        try await installed { machine in
            try FileManager.default.createSymbolicLink(
                atPath: machine.path("simpleai.db"), withDestinationPath: machine.path("volume.db"))
            try await machine.expect("files.dangling-link", "volume.db")
        }
    }

    @Test func `a database of another program`() async throws {
        try await installed { machine in
            let python = try #require(Python.path("python3"))
            let script =
                "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('create table api_key(x)'); c.commit()"
            let made = try await Program(python, ["-c", script, machine.path("simpleai.db")]).run()
            #expect(made.code == 0, "\(made.text)")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: machine.path("simpleai.db"))
            try await machine.expect("data.damaged", "api_key")
        }
    }

    // MARK: Engines and issuers

    /// Sends the text to every connection, and keeps it open.
    private static let talker = """
        import socket, sys, threading, time
        listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
        print(listener.getsockname()[1], flush=True)
        connections = []
        while True:
            connection, _ = listener.accept()
            connection.sendall(sys.argv[1].encode())
            connections.append(connection)
        """

    @Test(arguments: [
        ("", "engine.hangs", "accepts connections"), ("SSH-2.0-OpenSSH_9.6\r\n", "engine.not-http", "runners[0].url"),
    ])
    func `an engine that sends no response`(text: String, check: String, part: String) async throws {
        try await installed { machine in
            machine.engine.kill()
            _ = try await machine.engine.ended(within: .seconds(30))
            let python = try #require(Python.path("python3"))
            try await RunningProcess.run(Program(python, ["-c", Self.talker, text, "\(machine.enginePort)"])) {
                process in
                _ = try await process.line("its port") { Int($0) != nil }
                let found = try await machine.findings()
                #expect(found.map(\.check) == [check], "\(found)")
                #expect(found.contains { ($0.message + $0.fix).contains(part) }, "\(found)")
                #expect(!found.contains { ($0.message + $0.fix).contains("--url") }, "\(found)")
            }
        }
    }

    @Test func `an engine without a list, whose models the settings state`() async throws {
        try await installed("{}") { machine in
            try machine.edit("- url: ", "- models: [\"tiny:1b\"]\n    url: ")
            let found = try await machine.findings().filter { !$0.message.contains("classes: is empty") }
            #expect(found.isEmpty, "\(found)")
        }
    }

    /// Responds to the requests for discovery once all of them have arrived.
    private static let barrier = """
        import http.server, json, sys, threading
        barrier = threading.Barrier(int(sys.argv[1]))
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                base = f"http://127.0.0.1:{self.server.server_address[1]}/" + self.path.split("/")[1]
                body = sys.argv[2].encode()
                if self.path.endswith("openid-configuration"):
                    barrier.wait()
                    body = json.dumps({"issuer": base, "jwks_uri": base + "/keys"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    @Test func `issuers are asked at the same time`() async throws {
        try await installed { machine in
            let keys = try String(contentsOfFile: machine.path("tokens/jwks.json"), encoding: .utf8)
            let python = try #require(Python.path("python3"))
            try await RunningProcess.run(Program(python, ["-c", Self.barrier, "4", keys])) { process in
                let port = try await process.line("its port") { Int($0) != nil }
                let entries = (1...4).map {
                    "    - { issuer: \"http://127.0.0.1:\(port)/\($0)\", audience: simpleai }\n"
                }
                try machine.edit("  issuers:\n", "  issuers:\n" + entries.joined())
                let found = try await machine.findings()
                #expect(!found.contains { $0.check.hasPrefix("issuer.") }, "\(found)")
            }
        }
    }

    @Test func `an issuer that responds without TLS`() async throws {
        try await installed { machine in
            try machine.edit(
                "  issuers:\n",
                "  issuers:\n    - { issuer: \"https://127.0.0.1:\(machine.enginePort)\", audience: simpleai }\n")
            try await machine.expect("issuer.no-tls", "responds without TLS", "port")
        }
    }

    // MARK: Other users and other gateways

    @Test func `another gateway listens on the port`() async throws {
        try await installed { other in
            try await installed { machine in
                try machine.edit("port: \(machine.port)", "port: \(other.port)")
                try await RunningProcess.run(other.simpleai("serve", "--json")) { process in
                    _ = try await process.ready()
                    try await machine.expect("gateway.other", "server.port")
                }
            }
        }
    }

    @Test func `a token that the gateway refuses`() async throws {
        try await installed { machine in
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let run = try await machine.simpleai("doctor", environment: ["SIMPLEAI_TOKEN": "no-token"]).run()
                #expect(run.code == 1 && run.output.contains("[token.not-administrator]"), "\(run.text)")
                #expect(run.output.contains("SIMPLEAI_TOKEN") && !run.output.contains("no-token"), "\(run.text)")
            }
        }
    }

    @Test func `settings that the gateway has not loaded`() async throws {
        try await installed { machine in
            try await Self.serving(Self.models) { port, _ in
                try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                    _ = try await process.ready()
                    try machine.edit("runners:\n", "runners:\n  - { id: later, url: \"http://127.0.0.1:\(port)\" }\n")
                    try await machine.expect("settings.not-loaded", "does not know later", "SIGHUP")
                }
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/bin/setpriv")))
    func `settings that another user may not read`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
            let settings = folder.appendingPathComponent("simpleai.yaml")
            try "server: { port: 9 }".write(to: settings, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: settings.path)
            let run = try await Program(
                URL(fileURLWithPath: "/usr/bin/setpriv"),
                [
                    "--reuid=65534", "--regid=65534", "--clear-groups", Repository.binary.path, "doctor", "--config",
                    settings.path,
                ]
            ).run()
            #expect(run.code == 1 && run.output.contains("[settings.closed]"), "\(run.text)")
            #expect(run.output.contains("sudo simpleai doctor"), "\(run.text)")
        }
    }

    // MARK: Agents

    private func agent(_ settings: String) async throws -> String {
        try await withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("runner.yaml")
            let port = try FreePort.tcp()
            try (settings + "\nlisten: { host: 127.0.0.1, port: \(port) }\nmac: none\n")
                .write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file.path)
            return try await Program.simpleai("doctor", "--config", file.path).run().output
        }
    }

    @Test func `an agent whose token or id the gateway refuses`() async throws {
        try await installed { machine in
            let secret = "a-secret-of-the-fleet-that-is-long"
            try machine.edit("fleet:\n", "fleet:\n  token: \(secret)\n")
            try machine.edit("runners:\n", "runners:\n  - { id: taken, url: \"http://127.0.0.1:9\" }\n")
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                func settings(_ id: String, _ token: String) -> String {
                    """
                    gateway: ws://127.0.0.1:\(machine.port)
                    token: \(token)
                    id: \(id)
                    engines: [ { kind: openai, url: "http://127.0.0.1:\(machine.enginePort)" } ]
                    """
                }
                #expect(try await agent(settings("desk", secret)).isEmpty)
                let wrong = try await agent(settings("desk", "another-secret-that-is-long"))
                #expect(wrong.contains("Invalid token") && wrong.contains("[runner.refused]"), "\(wrong)")
                let taken = try await agent(settings("taken", secret))
                #expect(taken.contains("taken by a runner in the gateway's settings"), "\(taken)")
            }
        }
    }

    @Test func `a web server in the place of the gateway, and an engine of another kind`() async throws {
        try await Self.serving(#"{"/health":"fine","/v1/models":{"data":[{"id":"tiny:1b"}]}}"#) { port, _ in
            let found = try await agent(
                """
                gateway: ws://127.0.0.1:\(port)
                token: a-long-enough-shared-secret
                id: desk
                engines: [ { kind: ollama, url: "http://127.0.0.1:\(port)" } ]
                """)
            #expect(found.contains("[runner.no-gateway]"), "\(found)")
            #expect(found.contains("[engine.other-kind]") && found.contains("kind: openai"), "\(found)")
            #expect(found.split(separator: "\n").count == 4, "\(found)")
        }
    }
}
