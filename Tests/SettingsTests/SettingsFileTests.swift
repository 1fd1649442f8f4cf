import Foundation
import Settings
import TestSupport
import Testing

@Suite struct SettingsFileTests {
    @Test func fileIsReadAndNamed() throws {
        try inTemporaryDirectory { directory in
            let path = try directory.write("mine.yaml", Data("auth: {mode: none}\nserver: {port: 9090}\n".utf8))
            let loaded = try SettingsFile.load(path: path, environment: [:])
            #expect(loaded.settings.server.port == 9090)
            #expect(loaded.path == path)
        }
    }

    @Test func missingFileIsOneProblem() {
        #expect(
            loadProblems("/nowhere/s.yaml")
                == ["/nowhere/s.yaml: file \"/nowhere/s.yaml\" does not exist; create it or fix the path"])
    }

    @Test func directoryIsOneProblem() throws {
        try inTemporaryDirectory { directory in
            #expect(
                loadProblems(directory.path) == [
                    "\(directory.path): \"\(directory.path)\" is a directory; use the path of a file"
                ])
        }
    }

    @Test func invalidUTF8IsOneProblemWithItsLine() throws {
        try inTemporaryDirectory { directory in
            let path = try directory.write("s.yaml", Data("auth: {mode: none}\nserver:\n  host: ".utf8) + [0xFF, 0xFE])
            #expect(loadProblems(path) == ["\(path):3: is not UTF-8; save the file as UTF-8"])
        }
    }

    @Test(arguments: ["", "\n\n", "# nothing but a comment\n", "---\n", "~\n", "\u{FEFF}"])
    func emptyFileIsOneProblem(_ text: String) {
        #expect(problems(text) == ["s.yaml: is empty; start from a copy of simpleai.example.yaml"])
    }

    @Test(arguments: [
        ("server: {port: 80\nauth: 1\n", 2), ("server:\n  host: a\n port: 1\n", 3), ("a: \"b\nc: d\n", 3),
        ("a: 1\n\tb: 2\n", 2), ("a: *absent\n", 1), ("a: 1\nb: \u{1}\n", 2), ("a: 1\n---\nb: 2\n", 2),
    ])
    func brokenYAMLIsOneProblemWithItsLine(_ text: String, _ line: Int) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("s.yaml:\(line): is not valid YAML: ") == true, "\(found)")
    }

    @Test(arguments: ["just text", "- a\n- list\n"])
    func fileWithoutKeysIsOneProblem(_ text: String) {
        #expect(problems(text).first == "s.yaml:1: must be a table; put its keys below it, indented")
    }

    @Test func byteOrderMarkIsNotPartOfTheFirstKey() {
        #expect(problems("\u{FEFF}" + minimal) == [])
    }

    @Test func windowsLineEndsAreRead() {
        #expect(
            problems("auth: {mode: none}\r\nserver:\r\n  port: x\r\n").first?.hasPrefix("s.yaml:3: server.port") == true
        )
    }

    @Test func aliasesThatMultiplyAreRefused() {
        var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for level in 1...9 {
            let elements = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(elements)]\n"
        }
        #expect(problems(text).contains { $0.contains("YAML aliases expand to more than 300000 values") })
    }

    @Test func manyValuesAreNotBlamedOnAliases() {
        // Small enough to be read, and without an alias.
        let text = "x: [" + String(repeating: "1,", count: 400_000) + "1]\n"
        #expect(problems(text) == ["s.yaml:1: contains more than 300000 values; remove unused ones"])
    }

    @Test func aLargeFileIsRefusedBeforeItIsRead() throws {
        try inTemporaryDirectory { directory in
            let path = try directory.write("large.yaml", Data(repeating: UInt8(ascii: "a"), count: (4 << 20) + 1))
            #expect(loadProblems(path) == ["\(path): \"\(path)\" exceeds 4MiB; use another file"])
        }
    }

    /// A pipe can be read only once: `config check` must not read it twice.
    @Test func aPipeIsReadLikeAFile() throws {
        try inTemporaryDirectory { directory in
            let path = directory.appending(path: "pipe").path
            #expect(mkfifo(path, 0o600) == 0)
            let writer = Thread {
                if let pipe = FileHandle(forWritingAtPath: path) {
                    try? pipe.write(contentsOf: Data("auth: {mode: none}\nserver: {port: 7}\n".utf8))
                    try? pipe.close()
                }
            }
            writer.start()
            let loaded = try SettingsFile.load(path: path, environment: [:])
            #expect(loaded.settings.server.port == 7)
        }
    }

    @Test func deepNestingIsAProblem() {
        #expect(problems("a: " + String(repeating: "[", count: 100_000)).count == 1)
        #expect(
            problems("a: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500)).isEmpty == false)
    }

    private func loadProblems(_ path: String) -> [String] {
        do {
            _ = try SettingsFile.load(path: path, environment: [:])
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }
}
