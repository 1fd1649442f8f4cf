import Foundation
import NIOCore
import StandIn
import Testing

/// The built binary with a certificate, used by an operator and by curl.
@Suite struct TLSTests {
    private static let curl = URL(fileURLWithPath: "/usr/bin/curl")
    private static let hasCurl = FileManager.default.isExecutableFile(atPath: curl.path)
    private static let call =
        #"{"model":"a:1b","messages":[{"role":"user","content":"hi"}]}"#

    /// A `simpleai serve` with a certificate, in front of an engine that accepts every request.
    private struct Served: Sendable {
        let folder: URL
        let process: RunningProcess
        let url: String
        let engine: Int

        var settingsFile: URL { folder.appendingPathComponent("simpleai.yaml") }

        func write(_ certificate: StandInCertificate) throws {
            try Data(certificate.certificate.utf8).write(to: folder.appendingPathComponent("tls.crt"), options: .atomic)
            try Data(certificate.privateKey.utf8).write(to: folder.appendingPathComponent("tls.key"), options: .atomic)
        }

        static func settings(in folder: URL, engine: Int, slots: Int = 4, port: Int = 0) -> String {
            """
            server:
              port: \(port)
              tls:
                certificate: \(folder.path)/tls.crt
                key: \(folder.path)/tls.key
            auth: { mode: none }
            classes: { fast: [ "a:1b" ] }
            runners: [ { id: one, url: "http://127.0.0.1:\(engine)", models: [ "a:1b" ], slots: \(slots) } ]
            fleet: { state_file: \(folder.path)/state.json }
            """
        }

        func curl(_ arguments: String...) async throws -> RunningProcess.Ended {
            let usual = ["--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*"]
            return try await Program(TLSTests.curl, usual + arguments).run()
        }
    }

    private func serve(_ body: @escaping (Served) async throws -> Void) async throws {
        let engine = try await StandInServer.start { request, loop in
            let response =
                request.method == "GET"
                ? #"{"object":"list","data":[{"id":"a:1b","object":"model"}]}"#
                : #"{"id":"c","object":"chat.completion","model":"a:1b","choices":[{"index":0,"message":"#
                    + #"{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#
            return loop.makeSucceededFuture(StandInResponse(body: response))
        }
        try await withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("simpleai.yaml")
            let text = Served.settings(in: folder, engine: engine.port)
            try text.write(to: file, atomically: true, encoding: .utf8)
            let certificate = try StandInCertificate(.ofAuthority)
            for (name, pem) in [("tls.crt", certificate.certificate), ("tls.key", certificate.privateKey)] {
                try Data(pem.utf8).write(to: folder.appendingPathComponent(name))
            }
            let program = Program.simpleai("serve", "--config", file.path, "--json")
            try await RunningProcess.run(program) { process in
                let url = try await process.ready().url
                #expect(url.hasPrefix("https://"))
                try await body(Served(folder: folder, process: process, url: url, engine: engine.port))
            }
        }
        try await engine.stop()
    }

    @Test(.enabled(if: hasCurl, "curl is not installed"), arguments: ["--http2", "--http1.1"])
    func `curl calls and streams`(version: String) async throws {
        try await serve { served in
            let run = try await served.curl(
                version, "--write-out", "\n%{http_code} %{http_version}", "--data", Self.call,
                "--header", "Content-Type: application/json", served.url + "/v1/chat/completions")
            #expect(run.code == 0, "\(run.text)")
            #expect(run.output.contains("hello"))
            #expect(run.output.hasSuffix(version == "--http2" ? "200 2" : "200 1.1"))
            let models = try await served.curl(version, served.url + "/v1/models")
            #expect(models.output.contains("\"a:1b\""))
        }
    }

    @Test(.enabled(if: hasCurl, "curl is not installed"))
    func `SIGHUP under load fails no call and shows another certificate`() async throws {
        try await serve { served in
            async let load = served.curl(
                "--http2", "--parallel", "--parallel-max", "8", "--write-out", "%{http_code} %{http_version}\n",
                "--output", "/dev/null", "--data", Self.call, "--header", "Content-Type: application/json",
                served.url + "/v1/chat/completions?[1-600]")
            for turn in 1...10 {
                try served.write(try StandInCertificate(.ofAuthority))
                try Served.settings(in: served.folder, engine: served.engine, slots: 4 + turn)
                    .write(to: served.settingsFile, atomically: true, encoding: .utf8)
                served.process.hangUp()
                try await served.process.prints("Settings reloaded", times: turn)
            }
            let run = try await load
            #expect(run.code == 0, "\(run.errors)")
            let lines = run.output.split(separator: "\n")
            #expect(lines.count == 600 && lines.allSatisfy { $0 == "200 2" }, "\(Set(lines))")
            let said = try await served.process.line("the last change", on: .errors) {
                $0.contains("key=runners.one.slots") && $0.contains("to=14")
            }
            #expect(said.contains("from=13"))
            _ = try await served.process.line("the certificate's change", on: .errors) { $0.contains("key=server.tls") }
        }
    }

    @Test(.enabled(if: hasCurl, "curl is not installed"))
    func `a broken file changes nothing, and every problem is logged with its line`() async throws {
        try await serve { served in
            let broken = Served.settings(in: served.folder, engine: served.engine)
                .replacing("fast:", with: "slow:").replacing("id: one", with: "id: one, slots: many")
                .replacing("auth: { mode: none }", with: "auth: { mode: unknown }")
            try broken.write(to: served.settingsFile, atomically: true, encoding: .utf8)
            served.process.hangUp()
            try await served.process.prints("Settings reload failed", times: 1)
            for line in [6, 8] {
                _ = try await served.process.line("line \(line)", on: .errors) {
                    $0.contains("Invalid setting") && $0.contains("simpleai.yaml") && $0.contains("line=\(line)")
                }
            }

            // A valid file with the key of another certificate.
            try Served.settings(in: served.folder, engine: served.engine)
                .write(to: served.settingsFile, atomically: true, encoding: .utf8)
            try Data(try StandInCertificate(.ofAuthority).privateKey.utf8)
                .write(to: served.folder.appendingPathComponent("tls.key"))
            served.process.hangUp()
            try await served.process.prints("Settings reload failed", times: 2)
            _ = try await served.process.line("the key's line", on: .errors) {
                $0.contains("Invalid setting") && $0.contains("key=server.tls.key") && $0.contains("line=5")
            }
            let run = try await served.curl(
                "--data", Self.call.replacing("a:1b", with: "class:fast"), "--header", "Content-Type: application/json",
                served.url + "/v1/chat/completions")
            #expect(run.output.contains("hello"), "\(run.text)")
        }
    }

    @Test(.enabled(if: hasCurl, "curl is not installed"))
    func `a key that needs a restart is named and stays`() async throws {
        try await serve { served in
            try Served.settings(in: served.folder, engine: served.engine, slots: 9, port: 1)
                .write(to: served.settingsFile, atomically: true, encoding: .utf8)
            served.process.hangUp()
            try await served.process.prints("Settings reloaded", times: 1)
            _ = try await served.process.line("the port's warning", on: .errors) {
                $0.contains("Setting requires restart") && $0.contains("key=server.port")
            }
            #expect(try await served.curl(served.url + "/health").output.contains("ok"))
        }
    }
}
