import Foundation
import Testing

/// A `simpleai serve` with one engine, and many clients.
struct Crowd: Sendable {
    /// What the clients have seen.
    struct Seen: Decodable, Sendable {
        /// The statuses of calls that the gateway refused.
        let refusals: [Int]
        /// Number of streams that ended with `[DONE]`.
        let complete: Int
        /// How other streams ended, a few of them.
        let failures: [String]
        /// Number of idle connections that are still open.
        let idle: Int
    }

    static let isPossible = JoinedFleet.curl != nil && Python.isThere
    static let missing: Comment = "curl or python3 is not on the PATH"

    let fleet: JoinedFleet
    var gateway: RunningProcess { fleet.gateway }

    /// - Parameter shell: the start of a shell command that ends by starting the gateway: limits, redirections.
    static func with(_ shell: @Sendable (URL) -> String, _ body: @Sendable (Crowd) async throws -> Void) async throws {
        let engine = Program.script("Tests/EndToEndTests/deployments/engine.py", ["counted"]).interpretedByPython()
        try await withTemporaryFolder { folder in
            try await RunningProcess.run(engine) { engine in
                let settings = """
                    server: { port: 0 }
                    auth: { mode: none }
                    classes: { fast: [ counted ] }
                    runners: [ { id: one, url: "\(try await engine.ready().url)", models: [ counted ], slots: 1000 } ]
                    fleet: { state_file: \(folder.path)/state.json }
                    keys: { database: "" }
                    """
                let file = folder.appendingPathComponent("simpleai.yaml")
                try settings.write(to: file, atomically: true, encoding: .utf8)
                let program = Program(
                    URL(fileURLWithPath: "/bin/sh"),
                    ["-c", shell(folder), Repository.binary.path, "serve", "--config", file.path, "--json"])
                try await RunningProcess.run(program) { process in
                    let url = try await process.ready().url
                    let fleet = JoinedFleet(url: url, gateway: process, folder: folder)
                    try await fleet.answers("counted")
                    try await body(Crowd(fleet: fleet))
                }
            }
        }
    }

    func clients(_ arguments: String...) async throws -> Seen {
        let program = Program.script(
            "Tests/EndToEndTests/clients/crowd.py", [fleet.url, "counted"] + arguments
        ).interpretedByPython()
        let run = try await program.run(within: .seconds(300))
        try #require(run.code == 0, "\(run.text)")
        return try JSONDecoder().decode(Seen.self, from: Data(run.output.utf8))
    }

    /// The value of a metric without labels.
    func metric(_ name: String) async throws -> Int {
        let page = try await fleet.curl("/metrics").run().output
        let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }, "\(page)")
        return try #require(Int(line.dropFirst(name.count + 1)))
    }
}
