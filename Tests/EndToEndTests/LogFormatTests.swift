import Foundation
import Testing

/// A log line, for programs and for people.
@Suite struct LogFormatTests {
    private static func settings(_ format: String, in folder: URL) throws -> String {
        let file = folder.appendingPathComponent("simpleai.yaml")
        try """
        server: { port: 0 }
        auth: { mode: none }
        classes: { fast: [ "42" ] }
        runners: [ { id: "42", url: "http://127.0.0.1:9", models: [ "42" ] } ]
        fleet: { state_file: \(folder.path)/state.json }
        keys: { database: \(folder.path)/keys.db }
        log: { format: \(format) }
        """.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    @Test func `json has a whole time, and numbers that are numbers`() async throws {
        try await withTemporaryFolder { folder in
            let file = try Self.settings("json", in: folder)
            try await RunningProcess.run(.simpleai("serve", "--config", file, "--json")) { process in
                _ = try await process.ready()
                process.hangUp()
                let reloaded = try await process.line("the reload", on: .errors) { $0.contains("Settings reloaded") }
                #expect(reloaded.contains("\"count\":0}"), "\(reloaded)")
                #expect(
                    reloaded.contains(/^{"time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info"/),
                    "\(reloaded)")
                // A machine may be named 42, and the name stays a string.
                let state = try await process.line("the runner's state", on: .errors) { $0.contains("\"runner\"") }
                let members = try #require(try JSONSerialization.jsonObject(with: Data(state.utf8)) as? [String: Any])
                #expect(members["runner"] as? String == "42", "\(state)")
            }
        }
    }

    @Test(.enabled(if: JoinedFleet.curl != nil, JoinedFleet.curlMissing))
    func `json has the figures of a call as numbers`() async throws {
        try await withTemporaryFolder { folder in
            let file = try Self.settings("json", in: folder)
            try await RunningProcess.run(.simpleai("serve", "--config", file, "--json")) { process in
                let fleet = JoinedFleet(url: try await process.ready().url, gateway: process, folder: folder)
                _ = try await fleet.chat("nothing").run()
                let line = try await process.line("the call", on: .errors) { $0.contains("\"Call completed\"") }
                let members = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                #expect(members["status"] as? Int == 404, "\(line)")
                #expect(members["duration_ms"] is Int, "\(line)")
            }
        }
    }

    @Test(.enabled(if: Python.isThere, Python.missing))
    func `in a terminal the message comes first`() async throws {
        try await withTemporaryFolder { folder in
            let file = try Self.settings("text", in: folder)
            let left = try await Terminal.interrupt(
                .simpleai("serve", "--config", file), at: .text("info Gateway listening url=http://127.0.0.1:"))
            #expect(left.code == 0, "\(left.text)")
        }
    }
}
