import Foundation
import StandIn
import Testing

/// The output of `simpleai serve` when it cannot start: all problems, in clear lines, and never a stack trace.
@Suite struct ServeRefusalTests {
    @Test func `every mistake in the settings is listed with its line`() async throws {
        let settings = """
            server:
              hosst: 127.0.0.1
              port: 70000
              drain: soon
            auth: { mode: none }
            classes:
              fast: [ "a:1b" ]
            default_class: slow
            runners:
              - id: one
                url: ftp://127.0.0.1/
              - id: two
                url: http://127.0.0.1:9
                wake: { mac: "12:34" }
            """
        let run = try await serve(settings)
        expectRefusal(run)
        for line in [2, 3, 4, 8, 11, 14] {
            #expect(run.errors.contains("simpleai.yaml:\(line): "), "nothing about line \(line):\n\(run.errors)")
        }
        #expect(run.errors.contains("host"), "the nearest known key is not named:\n\(run.errors)")
    }

    @Test func `a settings file that is not there is named`() async throws {
        let run = try await Program.simpleai("serve", "--config", "/nowhere/simpleai.yaml").run()
        expectRefusal(run)
        #expect(run.errors.contains("/nowhere/simpleai.yaml"))
    }

    @Test func `a port in use is named`() async throws {
        try await withTemporaryFolder { folder in
            let first = folder.appendingPathComponent("first.yaml")
            try Self.settings(port: 0, in: folder).write(to: first, atomically: true, encoding: .utf8)
            try await RunningProcess.run(.simpleai("serve", "--config", first.path, "--json")) { process in
                let port = try #require(URL(string: try await process.ready().url)?.port)
                let run = try await serve(Self.settings(port: port, in: folder))
                expectRefusal(run)
                expectOneLine(run, naming: String(port))
                #expect(run.errors.split(separator: "\n").count == 1, "\(run.text)")
                #expect(run.output.isEmpty)

                let dev = try await Program(
                    Repository.binary, ["dev", "--port", String(port)], environment: ["XDG_RUNTIME_DIR": folder.path]
                ).run(within: .seconds(60))
                expectRefusal(dev)
                expectOneLine(dev, naming: "127.0.0.1:\(port) is in use by another process")
                #expect(dev.errors.split(separator: "\n").count == 1 && dev.output.isEmpty, "\(dev.text)")
            }
        }
    }

    @Test(arguments: ["0.0.0.0", "\"::\"", "192.0.2.1", "example.org"])
    func `without authentication it serves this machine only`(host: String) async throws {
        let run = try await serve("server: { host: \(host), port: 0 }\nauth: { mode: none }\n")
        expectRefusal(run)
        expectOneLine(run, naming: "auth.mode")
        #expect(run.errors.contains("would let every client"), "\(run.errors)")
    }

    @Test func `with authentication it needs somebody to trust`() async throws {
        for settings in ["server: { host: 0.0.0.0 }\n", "auth: { mode: oidc, issuers: [] }\n"] {
            let run = try await serve(settings)
            expectRefusal(run)
            expectOneLine(run, naming: "auth.issuers")
        }
    }

    @Test func `an unknown flag is named`() async throws {
        let run = try await Program.simpleai("serve", "--confg", "simpleai.yaml").run()
        expectRefusal(run)
        expectOneLine(run, naming: "--confg")
    }

    @Test func `a state file that cannot be used is named, and the gateway serves`() async throws {
        try await withTemporaryFolder { folder in
            // A file in the place of a folder stops even root.
            let occupied = folder.appendingPathComponent("occupied")
            try Data().write(to: occupied)
            try Data("{".utf8).write(to: folder.appendingPathComponent("state.json"))
            let settings = folder.appendingPathComponent("simpleai.yaml")
            for (place, message) in [(occupied, "State file unusable"), (folder, "State file moved aside")] {
                try Self.settings(port: 0, in: place).write(to: settings, atomically: true, encoding: .utf8)
                try await RunningProcess.run(.simpleai("serve", "--json", "--config", settings.path)) { process in
                    _ = try await process.ready()
                    let line = try await process.line(message, on: .errors) { $0.contains(message) }
                    #expect(line.contains(place.path))
                }
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(names.count { $0.hasPrefix("state.json.broken-") } == 1 && names.contains("state.json"))
        }
    }

    @Test func `a key of another certificate is named with its line`() async throws {
        try await withTemporaryFolder { folder in
            let (one, other) = (try StandInCertificate(.ofAuthority), try StandInCertificate(.ofAuthority))
            let files = ["tls.crt": one.certificate, "tls.key": other.privateKey, "broken.key": Self.brokenKey]
            for (name, pem) in files {
                let file = folder.appendingPathComponent(name)
                try Data(pem.utf8).write(to: file)
                // A key that every user can read causes a warning.
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
            }
            for (key, part) in [
                ("tls.key", "does not match server.tls.certificate"), ("broken.key", "no readable PEM private key"),
            ] {
                let tls =
                    "server: { port: 0,\n  tls: { certificate: \(folder.path)/tls.crt,\n    key: \(folder.path)/\(key) } }\n"
                let text =
                    tls + Self.settings(port: 0, in: folder).split(separator: "\n").dropFirst().joined(separator: "\n")
                let run = try await serve(text)
                expectRefusal(run)
                expectOneLine(run, naming: "simpleai.yaml:3: server.tls.key: ")
                #expect(run.errors.contains(part), "\(run.errors)")

                let file = folder.appendingPathComponent("simpleai.yaml")
                try text.write(to: file, atomically: true, encoding: .utf8)
                let check = try await Program.simpleai("config", "check", "--config", file.path).run()
                expectRefusal(check)
                #expect(check.errors.contains(part), "config check says something else: \(check.text)")
            }
        }
    }

    private static let brokenKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

    private static func settings(port: Int, in folder: URL) -> String {
        """
        server: { port: \(port) }
        auth: { mode: none }
        classes: { fast: [ "a:1b" ] }
        runners: [ { id: one, url: "http://127.0.0.1:9", models: [ "a:1b" ] } ]
        fleet: { state_file: \(folder.path)/state.json }
        """
    }

    private func serve(_ settings: String) async throws -> RunningProcess.Ended {
        try await withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("simpleai.yaml")
            try settings.write(to: file, atomically: true, encoding: .utf8)
            return try await Program.simpleai("serve", "--config", file.path).run(within: .seconds(60))
        }
    }

    private func expectRefusal(_ run: RunningProcess.Ended, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(run.code != 0 && run.code < 128, "exit code \(run.code)", sourceLocation: sourceLocation)
        for trace in ["Fatal error", "Stack dump", "Backtrace", ".swift:", "Error Domain="] {
            #expect(!run.text.contains(trace), "\(run.text)", sourceLocation: sourceLocation)
        }
    }

    private func expectOneLine(
        _ run: RunningProcess.Ended, naming part: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let lines = run.errors.split(separator: "\n").filter { $0.contains(part) }
        #expect(lines.count == 1, "\(run.text)", sourceLocation: sourceLocation)
    }
}
