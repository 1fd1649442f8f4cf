import Foundation
import Testing

/// A real terminal in which a program runs until Ctrl-C (clients/terminal.py).
enum Terminal {
    /// The moment at which Ctrl-C is pressed.
    enum Moment: Sendable {
        case text(String)
        /// A file exists that matches a pattern with `*`.
        case file(String)
    }

    /// The state after the program has ended.
    struct Left: Decodable, Sendable {
        let code: Int32?
        /// The time from the first Ctrl-C to the end.
        let seconds: Double?
        let screen: [String]
        let isPlain: Bool
        let cursorIsVisible: Bool
        let modesAreKept: Bool

        var text: String { screen.joined(separator: "\n") }
    }

    static func interrupt(_ program: Program, at moment: Moment, presses: Int = 1) async throws -> Left {
        let when: [String]
        switch moment {
        case .text(let pattern): when = ["--at-text", pattern]
        case .file(let pattern): when = ["--at-file", pattern]
        }
        var terminal = program
        terminal.executable = try #require(Python.path("python3"))
        terminal.arguments =
            [Repository.file("Tests/EndToEndTests/clients/terminal.py").path, "--presses", "\(presses)"] + when
            + ["--", program.executable.path] + program.arguments
        let run = try await terminal.run(within: .seconds(150))
        try #require(run.code == 0, "\(run.text)")
        return try JSONDecoder().decode(Left.self, from: Data(run.output.utf8))
    }
}
