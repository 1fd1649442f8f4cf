import Foundation
import Testing

/// Manual pages, completions and examples, which come from the command definitions.
@Suite struct CommandDocumentsTests {
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String
            }
            let kind: String
            let names: [Name]?
        }

        let commandName: String
        let abstract: String?
        let discussion: String?
        let arguments: [Argument]?
        let subcommands: [Command]?

        /// This command and all below it, each with its path.
        func all(_ path: [String] = []) -> [(path: [String], command: Command)] {
            let path = path + [commandName]
            return [(path, self)] + (subcommands ?? []).filter { $0.commandName != "help" }.flatMap { $0.all(path) }
        }

        var examples: [String] {
            (discussion ?? "").split(separator: "\n").filter { $0.hasPrefix("Example: ") }.map {
                String($0.dropFirst(9))
            }
        }
    }

    private func commands() async throws -> [(path: [String], command: Command)] {
        struct Dump: Decodable { let command: Command }
        let run = try await Program.simpleai("--experimental-dump-help").run()
        return try JSONDecoder().decode(Dump.self, from: Data(run.output.utf8)).command.all()
    }

    @Test func `the help of every command has an example that the command accepts`() async throws {
        let commands = try await commands()
        #expect(commands.count > 25)
        for (path, command) in commands {
            #expect(!command.examples.isEmpty, "\(path.joined(separator: " ")) has no example")
            for example in command.examples {
                let words = example.split(separator: " ").map(String.init)
                #expect(words.first == "simpleai")
                // The command that the example runs: the longest path that its words begin with.
                let target = commands.filter { words.starts(with: $0.path) }.max { $0.path.count < $1.path.count }
                let command = try #require(target).command
                let known = Set(command.arguments?.flatMap { $0.names ?? [] }.map { "--" + $0.name } ?? [])
                // A default subcommand may be omitted.
                let more = command.subcommands?.flatMap { $0.arguments ?? [] }.flatMap { $0.names ?? [] }.map {
                    "--" + $0.name
                }
                for word in words where word.hasPrefix("--") {
                    #expect(known.contains(word) || more?.contains(word) ?? false, "\(example): \(word) is unknown")
                }
            }
        }
    }

    @Test func `every command has a manual page, and every shell its completions`() async throws {
        try await withTemporaryFolder { folder in
            let first = folder.appendingPathComponent("first").path
            for place in [first, folder.appendingPathComponent("second").path] {
                let run = try await Program(
                    Repository.file("scripts/command-docs"), [Repository.binary.path, place]
                ).interpretedByPython().run()
                #expect(run.code == 0, "\(run.text)")
            }
            let files = FileManager.default
            for (path, command) in try await commands() {
                let name = path.joined(separator: "-") + ".1"
                let page = try String(contentsOfFile: "\(first)/man1/\(name)", encoding: .utf8)
                for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "FILES", "SEE ALSO"] {
                    #expect(page.contains(".SH \(section)\n"), "\(name) has no section \(section)")
                }
                #expect(page.utf8.allSatisfy { $0 < 0x80 }, "\(name) is not ASCII")
                let options = Set(
                    (command.arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name))
                for option in options {
                    #expect(page.contains("\\-\\-" + option.replacing("-", with: "\\-")), "\(name) lacks --\(option)")
                }
            }
            for name in try files.subpathsOfDirectory(atPath: first) {
                let (left, right) = ("\(first)/\(name)", "\(folder.path)/second/\(name)")
                #expect(files.contentsEqual(atPath: left, andPath: right), "\(name) differs from run to run")
            }
            for shell in ["simpleai.bash", "_simpleai", "simpleai.fish"] {
                let text = try String(contentsOfFile: "\(first)/completions/\(shell)", encoding: .utf8)
                #expect(text.contains("doctor") && text.contains("setup"), "\(shell)")
            }
        }
    }

    @Test func `a stamped binary states its version everywhere`() async throws {
        try await withTemporaryFolder { folder in
            let copies = ["one", "two"].map { folder.appendingPathComponent($0) }
            for copy in copies {
                try FileManager.default.copyItem(at: Repository.binary, to: copy)
                let stamp = try await Program(
                    Repository.file("scripts/stamp-version"), [copy.path, "7.8.9+3.gabcdef12"]
                ).interpretedByPython().run()
                #expect(stamp.code == 0, "\(stamp.text)")
            }
            #expect(FileManager.default.contentsEqual(atPath: copies[0].path, andPath: copies[1].path))
            let printed = try await Program(copies[0], ["--version"]).run().output
            #expect(printed.trimmingCharacters(in: .newlines) == "7.8.9+3.gabcdef12")
            let again = try await Program(
                Repository.file("scripts/stamp-version"), [copies[0].path, "1.0.0"]
            ).interpretedByPython().run()
            #expect(again.code == 0)
            #expect(try await Program(copies[0], ["--version"]).run().output.hasPrefix("1.0.0"))
            for bad in ["1.0", "v1.0.0", "1.0.0 ", String(repeating: "1", count: 50) + ".0.0"] {
                let refused = try await Program(
                    Repository.file("scripts/stamp-version"), [copies[0].path, bad]
                ).interpretedByPython().run()
                #expect(refused.code != 0, "\(bad)")
            }
        }
    }
}
