import Foundation
import Testing

/// `simpleai doctor` on real installations: silent if nothing is wrong; otherwise it names the fault that a test has planted,
/// and its fix. `DoctorTests` covers every check on described systems.
@Suite struct DoctorCommandTests {
    /// An installation by `simpleai setup` with one engine.
    struct Installation {
        let folder: URL
        let port: Int
        let engine: RunningProcess

        var settings: URL { folder.appendingPathComponent("simpleai.yaml") }
        var enginePort: Int

        func edit(_ from: String, _ to: String) throws {
            let text = try String(contentsOf: settings, encoding: .utf8)
            #expect(text.contains(from), "\(text)")
            try text.replacing(from, with: to).write(to: settings, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: settings.path)
        }

        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        func simpleai(_ arguments: String..., environment: [String: String] = [:]) -> Program {
            Program(
                Repository.binary, arguments, environment: environment.merging(["HOME": folder.path]) { $1 },
                directory: folder)
        }

        struct Found: Decodable {
            let check: String
            let message: String
            let fix: String
        }

        func findings() async throws -> [Found] {
            let run = try await simpleai("doctor", "--json").run()
            let found = try JSONDecoder().decode([Found].self, from: Data(run.output.utf8))
            #expect(run.code == (found.isEmpty ? 0 : 1), "\(run.text)")
            return found
        }

        /// Expects the finding, and no other one.
        func expect(_ check: String, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws
        {
            let found = try await findings()
            #expect(found.map(\.check) == [check], "\(found)", sourceLocation: sourceLocation)
            for part in parts {
                #expect(
                    found.contains { ($0.message + " " + $0.fix).contains(part) }, "\(part): \(found)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    /// A program that serves fixed JSON documents by path, and 404 otherwise.
    static let server = """
        import http.server, json, sys, time
        documents = json.loads(sys.argv[1])
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = documents.get(self.path)
                self.send_response_only(200 if text is not None else 404)
                self.send_header("Date", self.date_time_string(time.time() + float(sys.argv[2])))
                body = (text if isinstance(text, str) else json.dumps(text)).encode() if text is not None else b"no"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    static func serving<Value: Sendable>(
        _ documents: String, clockOffset: Int = 0, _ body: (Int, RunningProcess) async throws -> Value
    ) async throws -> Value {
        let python = try #require(Python.path("python3"))
        return try await RunningProcess.run(Program(python, ["-c", server, documents, "\(clockOffset)"])) { process in
            let line = try await process.line("its port") { Int($0) != nil }
            return try await body(try #require(Int(line)), process)
        }
    }

    static let models = #"{"/v1/models":{"object":"list","data":[{"id":"tiny:1b"}]}}"#

    func installed(_ documents: String = models, _ body: (Installation) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try await Self.serving(documents) { enginePort, engine in
                let port = try FreePort.tcp()
                // Other programs of this computer may be engines, too.
                let machine = Installation(folder: folder, port: port, engine: engine, enginePort: enginePort)
                let made = try await machine.simpleai(
                    "setup", "--yes", "--directory", folder.path, "--no-start", "--port", "\(port)", "--engine",
                    "http://127.0.0.1:\(enginePort)"
                ).run()
                #expect(made.code == 0, "\(made.text)")
                let text = try String(contentsOf: machine.settings, encoding: .utf8)
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                    .filter { !$0.hasPrefix("  - url:") || $0.contains(":\(enginePort)\"") }
                try lines.joined(separator: "\n").write(to: machine.settings, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: machine.settings.path)
                try await body(machine)
            }
        }
    }

    @Test func `it is silent about a healthy installation, running or not`() async throws {
        try await installed { machine in
            let run = try await machine.simpleai("doctor").run()
            #expect(run.code == 0 && run.text.isEmpty, "\(run.text)")
            try await RunningProcess.run(machine.simpleai("serve", "--json")) { process in
                _ = try await process.ready()
                let run = try await machine.simpleai("doctor").run()
                #expect(run.code == 0 && run.text.isEmpty, "\(run.text)")
            }
        }
    }

    @Test func `no settings`() async throws {
        try await withTemporaryFolder { folder in
            let run = try await Program.simpleai("doctor", "--config", folder.path + "/simpleai.yaml").run()
            #expect(run.code == 1 && run.output.contains("simpleai setup"), "\(run.text)")
        }
    }

    @Test func `a misspelt key`() async throws {
        try await installed { machine in
            try machine.edit("  host:", "  hosst:")
            try await machine.expect("settings.invalid", "server.hosst", "host", "line 6")
        }
    }

    @Test func `a port that is taken`() async throws {
        try await installed { machine in
            try machine.edit("port: \(machine.port)", "port: \(machine.enginePort)")
            let found = try await machine.findings()
            // The engine listens there: it is also the gateway's own address.
            #expect(found.map(\.check) == ["port.taken", "engine.loop"], "\(found)")
        }
    }

    @Test func `an address of another machine`() async throws {
        try await installed { machine in
            try machine.edit("host: \"127.0.0.1\"", "host: 192.0.2.1")
            try await machine.expect("address.foreign", "192.0.2.1", "server.host")
        }
    }

    @Test func `an engine that does not run`() async throws {
        try await installed { machine in
            machine.engine.kill()
            _ = try await machine.engine.ended(within: .seconds(30))
            try await machine.expect("engine.refused", ":\(machine.enginePort)")
        }
    }

    @Test(arguments: [
        (#"{}"#, "engine.no-list"), (#"{"/v1/models":"<html>"}"#, "engine.no-list"),
        (#"{"/v1/models":{"data":[]}}"#, "engine.no-models"),
    ])
    func `a program that is no engine`(documents: String, check: String) async throws {
        try await installed(documents) { machine in
            // Setup proposed no classes, because it found no models.
            let found = try await machine.findings().filter { !$0.message.contains("classes: is empty") }
            #expect(found.map(\.check) == [check], "\(found)")
        }
    }

    @Test func `two runners with one engine`() async throws {
        try await installed { machine in
            try machine.edit(
                "runners:\n", "runners:\n  - { id: twin, url: \"http://localhost:\(machine.enginePort)/v1\" }\n")
            try await machine.expect("engine.shared", "twin")
        }
    }

    @Test func `a class that no engine serves`() async throws {
        try await installed { machine in
            try machine.edit("fast: [\"tiny:1b\"]", "fast: [\"large:70b\"]")
            try await machine.expect("class.unserved", "class:fast", "tiny:1b")
        }
    }

    @Test func `a host that cannot be resolved`() async throws {
        try await installed { machine in
            try machine.edit("http://127.0.0.1:\(machine.enginePort)", "http://engine.invalid:\(machine.enginePort)")
            let found = try await machine.findings()
            #expect(found.contains { $0.check == "engine.unknown-host" }, "\(found)")
        }
    }

    @Test func `a token key that others can read`() async throws {
        try await installed { machine in
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: machine.path("tokens/token-key.pem"))
            try await machine.expect("files.exposed-key", "chmod 600")
        }
    }

    @Test func `settings that all users can read`() async throws {
        try await installed { machine in
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: machine.settings.path)
            try await machine.expect("files.exposed-secret", "chmod o-rwx")
        }
    }

    @Test func `a state folder that does not exist`() async throws {
        try await installed { machine in
            try machine.edit(machine.path("simpleai-state.json"), machine.path("missing/state.json"))
            try await machine.expect("files.no-folder", "mkdir -p \(machine.path("missing"))")
        }
    }

    @Test func `a damaged key database`() async throws {
        try await installed { machine in
            try Data("this is no database, but long enough to be one".utf8)
                .write(to: URL(fileURLWithPath: machine.path("simpleai.db")))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: machine.path("simpleai.db"))
            try await machine.expect("data.damaged", "simpleai.db", "simpleai restore")
        }
    }

    @Test func `damaged tokens of runners`() async throws {
        try await installed { machine in
            try Data("{".utf8).write(to: URL(fileURLWithPath: machine.path("simpleai-state.json.runners")))
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: machine.path("simpleai-state.json.runners"))
            try await machine.expect("data.damaged", "simpleai-state.json.runners")
        }
    }

    @Test func `an empty key set`() async throws {
        try await installed { machine in
            try #"{"keys":[]}"#.write(toFile: machine.path("tokens/jwks.json"), atomically: true, encoding: .utf8)
            try await machine.expect("issuer.no-keys", "jwks_file")
        }
    }

    @Test func `a weak secret of agents`() async throws {
        try await installed { machine in
            try machine.edit("fleet:\n", "fleet:\n  token: change-me\n")
            let found = try await machine.findings()
            #expect(Set(found.map(\.check)) == ["settings.placeholder", "settings.warning"], "\(found)")
        }
    }

    @Test(arguments: [
        (0, #"{"issuer":"http://127.0.0.1:PORT/other","jwks_uri":"http://127.0.0.1:PORT/keys"}"#, "issuer.mismatch"),
        (0, #"{"issuer":"x"}"#, "issuer.malformed"), (0, "", "issuer.status"),
        (600, #"{"issuer":"http://127.0.0.1:PORT","jwks_uri":"http://127.0.0.1:PORT/keys"}"#, "clock.skew"),
    ])
    func `an issuer with a fault`(offset: Int, discovery: String, check: String) async throws {
        let port = try FreePort.tcp()
        try await installed { machine in
            let path = "/.well-known/openid-configuration"
            let keySet = try String(contentsOfFile: machine.path("tokens/jwks.json"), encoding: .utf8)
            let key = "\"/keys\":\(keySet)"
            let document = discovery.isEmpty ? "" : "\"\(path)\":\(discovery.replacing("PORT", with: "\(port)")),"
            let script = Self.server.replacing("(\"127.0.0.1\", 0)", with: "(\"127.0.0.1\", \(port))")
            let python = try #require(Python.path("python3"))
            try await RunningProcess.run(
                Program(python, ["-c", script, "{\(document)\(key)}", "\(offset)"])
            ) { process in
                _ = try await process.line("its port") { Int($0) != nil }
                let text = try String(contentsOf: machine.settings, encoding: .utf8)
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).compactMap {
                    line -> String? in
                    if line.contains("jwks_file:") { return nil }
                    return line.contains("- issuer:") ? "    - issuer: \"http://127.0.0.1:\(port)\"" : String(line)
                }
                try lines.joined(separator: "\n").write(to: machine.settings, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: machine.settings.path)
                let found = try await machine.findings().filter { $0.check != "settings.warning" }
                #expect(found.map(\.check) == [check], "\(found)")
            }
        }
    }

    @Test func `an agent whose gateway does not run`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.serving(Self.models) { enginePort, _ in
                let (gateway, port) = (try FreePort.tcp(), try FreePort.tcp())
                let settings = folder.appendingPathComponent("runner.yaml")
                try """
                gateway: ws://127.0.0.1:\(gateway)
                token: a-long-enough-shared-secret
                id: desk
                listen: { host: 127.0.0.1, port: \(port) }
                engines: [ { kind: openai, url: "http://127.0.0.1:\(enginePort)" } ]
                mac: none
                """.write(to: settings, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: settings.path)
                let run = try await Program.simpleai("doctor", "--config", settings.path).run()
                #expect(run.code == 1 && run.output.contains("refuses connections"), "\(run.text)")
                #expect(run.output.split(separator: "\n").count == 2, "\(run.text)")
            }
        }
    }
}
