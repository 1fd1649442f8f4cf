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
            /// `{"file": …}`, `{"directory": …}`, or another kind.
            struct Completion: Decodable {
                let keys: [String]

                private struct Key: CodingKey {
                    let stringValue: String
                    var intValue: Int? { nil }
                    init?(stringValue: String) { self.stringValue = stringValue }
                    init?(intValue: Int) { nil }
                }

                init(from decoder: any Decoder) throws {
                    keys = try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue)
                }
            }

            let kind: String
            let names: [Name]?
            let valueName: String?
            let completionKind: Completion?
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

    /// What bash offers at the end of a command line.
    private func completions(
        _ script: String, _ words: [String], mode: [String] = [], in folder: URL
    ) async throws -> Set<String> {
        let complete = """
            source "$1" || exit 9; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
            _simpleai simpleai "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let bash = try #require(Python.path("bash"))
        let run = try await Program(
            bash, mode + ["-c", complete, "bash", script, "simpleai"] + words, directory: folder
        ).run()
        #expect(run.code == 0 && run.errors.isEmpty, "\(words): \(run.text)")
        return Set(run.output.split(separator: "\n").map(String.init))
    }

    @Test(
        .enabled(if: Python.path("bash") != nil && Python.isThere, "bash or Python is missing"),
        arguments: [[], ["--posix"]])
    func `bash completes commands, options, files and folders`(mode: [String]) async throws {
        try await withTemporaryFolder { folder in
            let made = try await Program(
                Repository.file("scripts/command-docs"), [Repository.binary.path, folder.path]
            ).interpretedByPython().run()
            #expect(made.code == 0, "\(made.text)")
            let script = folder.path + "/completions/simpleai.bash"
            func offered(_ words: String...) async throws -> Set<String> {
                try await completions(script, words, mode: mode, in: folder)
            }
            let commands = try await offered("")
            #expect(commands.isSuperset(of: ["serve", "token", "doctor", "help"]))
            // The commands that help describes, at each level.
            #expect(try await offered("help", "").isSuperset(of: ["serve", "token", "doctor"]))
            #expect(try await offered("help", "token", "") == ["mint", "init"])
            #expect(try await offered("help", "test", "mod") == ["model-routing"])
            #expect(try await offered("help", "serve", "").isEmpty)
            // The options of a default subcommand.
            #expect(try await offered("token", "").isSuperset(of: ["mint", "init", "--key", "--role"]))
            #expect(try await offered("token", "--o") == ["--output"])
            #expect(try await offered("token", "--role", "admin", "--us") == ["--user"])
            #expect(try await offered("token", "in") == ["init"])
            #expect(try await offered("token", "init", "--dir") == ["--directory"])
            #expect(try await offered("keys", "--j") == ["--json"])
            // A name with a hyphen.
            #expect(try await offered("test", "model-routing", "--test-p") == ["--test-permissions"])
            // Files and folders.
            #expect(try await offered("serve", "--config", "man") == ["man1"])
            #expect(try await offered("token", "--key", "completions/simpleai.b") == ["completions/simpleai.bash"])
            #expect(try await offered("token", "init", "--directory", "completions/").isEmpty, "it has no folders")
        }
    }

    @Test func `every option and argument that is a file or a folder is completed as one`() async throws {
        for (path, command) in try await commands() {
            for argument in command.arguments ?? [] where argument.kind != "flag" {
                let name = argument.names?.first.map { "--" + $0.name } ?? argument.valueName ?? ""
                let kind = (argument.completionKind?.keys).map(Set.init) ?? []
                switch argument.valueName {
                case "path" where name == "--admin-path": break
                case "file", "config", "path":
                    #expect(kind == ["file"], "\(path.joined(separator: " ")) \(name)")
                case "directory": #expect(kind == ["directory"], "\(path.joined(separator: " ")) \(name)")
                default: break
                }
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
