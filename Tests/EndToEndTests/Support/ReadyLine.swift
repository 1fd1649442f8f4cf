import Foundation

/// The line of JSON that servers print when they accept calls.
struct ReadyLine: Decodable {
    let url: String
    /// The tokens of `simpleai dev`: one each for `basic`, `specific` and `admin`.
    let tokens: [String: String]?
}

extension RunningProcess {
    /// The line that a server prints once it listens.
    func ready(within limit: Duration = .seconds(60)) async throws -> ReadyLine {
        let line = try await line("the server's address", within: limit) { $0.hasPrefix("{") }
        return try JSONDecoder().decode(ReadyLine.self, from: Data(line.utf8))
    }
}

extension Program {
    /// The same program, if the executable is a Python file.
    func interpretedByPython() -> Program {
        guard let python = Python.path("python3") else { return self }
        var program = self
        program.arguments.insert(executable.path, at: 0)
        program.executable = python
        return program
    }
}
