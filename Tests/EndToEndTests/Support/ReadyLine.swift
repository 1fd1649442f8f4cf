import Foundation

/// The line of JSON with which servers say that they accept calls.
struct ReadyLine: Decodable {
    let url: String
    /// Those of `simpleai dev`: one each for `basic`, `specific` and `admin`.
    let tokens: [String: String]?
}

extension RunningProcess {
    /// What a server says once it listens.
    func ready(within limit: Duration = .seconds(60)) async throws -> ReadyLine {
        let line = try await line("the server's address", within: limit) { $0.hasPrefix("{") }
        return try JSONDecoder().decode(ReadyLine.self, from: Data(line.utf8))
    }
}

extension Program {
    /// The same, where the executable is a Python file.
    func interpretedByPython() -> Program {
        guard let python = Python.path("python3") else { return self }
        var program = self
        program.arguments.insert(executable.path, at: 0)
        program.executable = python
        return program
    }
}
