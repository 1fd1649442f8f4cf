import Foundation
import Testing

/// A `simpleai serve` that a test's agents join, and calls to it with curl.
struct JoinedFleet: Sendable {
    private static let token = "fleet-token-of-a-test"

    let url: String
    let gateway: RunningProcess
    let folder: URL

    /// Runs a gateway without authentication whose class `fast` has these models.
    /// - Parameter more: additional lines of its settings.
    static func with<Value: Sendable>(
        models: [String], more: String = "", _ body: (JoinedFleet) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { folder in
            let settings = """
                server: { port: 0, drain: 5s }
                auth: { mode: none }
                classes: { fast: \(models) }
                keepalive: { after: 60s, every: 60s }
                fleet: { token: \(token), state_file: \(folder.path)/state.json, grace: 1s }
                log: { level: debug }
                \(more)
                """
            let file = folder.appendingPathComponent("simpleai.yaml")
            try settings.write(to: file, atomically: true, encoding: .utf8)
            return try await RunningProcess.run(.simpleai("serve", "--config", file.path, "--json")) { process in
                try await body(JoinedFleet(url: try await process.ready().url, gateway: process, folder: folder))
            }
        }
    }

    /// Runs `simpleai runner` with one engine; `body` gets it as soon as the gateway has accepted it.
    func runner<Value: Sendable>(
        _ id: String, engine: String, more: String = "", _ body: (RunningProcess) async throws -> Value
    ) async throws -> Value {
        let settings = """
            gateway: \(url.replacing("http://", with: "ws://"))
            token: \(Self.token)
            id: \(id)
            listen: { host: 127.0.0.1, port: 0 }
            engines:
              - \(engine)
            \(more)
            """
        let file = folder.appendingPathComponent("\(id).yaml")
        try settings.write(to: file, atomically: true, encoding: .utf8)
        return try await RunningProcess.run(.simpleai("runner", "--config", file.path, "--json")) { process in
            _ = try await process.line("that it has joined") { $0.hasPrefix("{\"runner\":\"\(id)\"") }
            return try await body(process)
        }
    }

    /// The current text of a runner's settings file.
    func settings(of id: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent("\(id).yaml"), encoding: .utf8)
    }

    func write(_ settings: String, asSettingsOf id: String) throws {
        try settings.write(to: folder.appendingPathComponent("\(id).yaml"), atomically: true, encoding: .utf8)
    }

    // MARK: Calls

    static let curl = Python.path("curl")
    static let curlMissing: Comment = "curl or python3 is not on the PATH"

    func curl(_ path: String, _ arguments: [String] = []) throws -> Program {
        Program(try #require(Self.curl), ["-sS", "-N", "--max-time", "100", "\(url)\(path)"] + arguments)
    }

    func chat(_ model: String, tokens: Int? = nil) throws -> Program {
        let stream = tokens.map { ",\"stream\":true,\"max_tokens\":\($0)" } ?? ",\"max_tokens\":8"
        let body = "{\"model\":\"\(model)\"\(stream),\"messages\":[{\"role\":\"user\",\"content\":\"Count\"}]}"
        return try curl("/v1/chat/completions", ["-H", "Content-Type: application/json", "-d", body])
    }

    /// Polls the metrics until `isSatisfied`; each poll is an exchange of a process of its own.
    func metrics(within limit: Duration = .seconds(60), until isSatisfied: @escaping @Sendable (String) -> Bool)
        async throws
    {
        let program = try curl("/metrics")
        try await value(of: "metrics", within: limit) {
            while !isSatisfied(try await program.run().output) { try Task.checkCancellation() }
        }
    }

    /// Polls until the model responds.
    func answers(_ model: String, within limit: Duration = .seconds(60)) async throws {
        let program = try chat(model)
        try await value(of: "an answer of \(model)", within: limit) {
            while !(try await program.run().output.contains("\"choices\"")) { try Task.checkCancellation() }
        }
    }
}

extension RunningProcess {
    /// How a streamed response ended.
    func streamEnded() async throws -> Ended { try await ended(within: .seconds(100)) }
}
