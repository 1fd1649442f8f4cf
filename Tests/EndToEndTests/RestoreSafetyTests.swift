import Foundation
import Installation
import Testing

extension BackupCommandTests {
    /// Backups that were not made by `simpleai backup`, and places that are not what they seem. All of it happens below a temporary
    /// folder.
    @Suite struct RestoreSafetyTests {
        private static let noContent = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

        private static func run(_ folder: URL, _ arguments: String...) async throws -> RunningProcess.Ended {
            try await Program(Repository.binary, arguments, directory: folder).run()
        }

        /// An archive of empty files.
        private static func archive(
            _ paths: [String], mode: UInt16 = 0o600, kind: BackupManifest.File.Kind = .state, in folder: URL
        ) throws -> String {
            let files = paths.enumerated().map { number, path in
                BackupManifest.File(name: "files/\(number)", kind: kind, path: path, sha256: noContent)
            }
            let manifest = BackupManifest(version: "1\u{1B}[2J", created: 0, files: files)
            let entries = files.map { TarArchive.Entry(name: $0.name, mode: mode, content: []) }
            let first = TarArchive.Entry(name: BackupManifest.name, mode: 0o600, content: manifest.encoded)
            let file = folder.appendingPathComponent("hostile.tar")
            try Data(TarArchive(entries: [first] + entries).encoded(time: 0)).write(to: file)
            return file.path
        }

        private static func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }

        private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

        @Test(arguments: ["/../escaped", "relative", "", "/", "/a\u{0}b", "/a\u{1B}[2Jb\n  /c (settings)", "/dev/x"])
        func `a path that leads elsewhere is refused, and shown without control characters`(path: String) async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                let archive = try Self.archive(["/good", path], in: folder)
                for arguments in [["--root", root, "--force"], ["--list"]] {
                    let run = try await Program(
                        Repository.binary, ["restore", archive] + arguments, directory: folder
                    ).run()
                    #expect(run.code == 1 && run.errors.contains("nothing was changed"), "\(run.text)")
                    #expect(!run.text.contains("\u{1B}") && !run.text.contains("\n  /c"), "\(run.text)")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["hostile.tar"])
            }
        }

        @Test func `the version in an archive is shown without control characters`() async throws {
            try await withTemporaryFolder { folder in
                let listed = try await Self.run(folder, "restore", try Self.archive(["/a"], in: folder), "--list")
                #expect(listed.code == 0 && !listed.text.contains("\u{1B}"), "\(listed.text)")
            }
        }

        @Test func `links below the root lead to no place outside it`() async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                let outside = folder.appendingPathComponent("outside").path
                for path in [root, outside] {
                    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                }
                for (name, target) in [("absolute", outside), ("relative", "../outside"), ("file", "../outside/file")] {
                    try FileManager.default.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: target)
                }
                let archive = try Self.archive(["/absolute/a", "/relative/b", "/file"], in: folder)
                let run = try await Self.run(folder, "restore", archive, "--root", root)
                #expect(run.code == 0, "\(run.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
                for path in ["\(root)\(outside)/a", "\(root)/outside/b", "\(root)/outside/file"] {
                    #expect(Self.exists(path), "\(path) is missing: \(run.text)")
                }
            }
        }

        @Test func `only regular files are replaced, also with --force`() async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                try FileManager.default.createDirectory(atPath: "\(root)/folder", withIntermediateDirectories: true)
                mkfifo("\(root)/pipe", 0o600)
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(root)/file"))
                let before = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
                for path in ["/folder", "/pipe", "/file/below"] {
                    let archive = try Self.archive(["/good", path], in: folder)
                    let run = try await Self.run(folder, "restore", archive, "--root", root, "--force")
                    #expect(run.code == 1 && run.errors.contains("nothing was changed"), "\(run.text)")
                    #expect(run.errors.contains("move it away"), "\(run.text)")
                    #expect(try FileManager.default.contentsOfDirectory(atPath: root).sorted() == before)
                }
            }
        }

        @Test(arguments: ["000", "077"])
        func `permissions follow neither the umask nor the archive`(umask: String) async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                for (kind, path) in [(.input, "/etc/gateway/tls.key"), (.state, "/var/lib/gateway/state.json")]
                    as [(BackupManifest.File.Kind, String)]
                {
                    let archive = try Self.archive([path], mode: 0o777, kind: kind, in: folder)
                    let run = try await Program(
                        URL(fileURLWithPath: "/bin/sh"),
                        [
                            "-c", "umask \(umask); exec \"$0\" restore \"$1\" --root \"$2\"", Repository.binary.path,
                            archive, root,
                        ]
                    ).run()
                    #expect(run.code == 0, "\(run.text)")
                }
                #expect(try Self.mode("\(root)/etc/gateway") == 0o755)
                #expect(try Self.mode("\(root)/var/lib") == 0o755)
                #expect(try Self.mode("\(root)/var/lib/gateway") == 0o700)
                #expect(try Self.mode("\(root)/etc/gateway/tls.key") == 0o640)
                #expect(try Self.mode("\(root)/var/lib/gateway/state.json") == 0o600)
            }
        }

        @Test func `every former file is kept, whatever is restored later`() async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
                let file = "\(root)/state.json"
                let archive = try Self.archive(["/state.json"], in: folder)
                for text in ["first", "second", "third"] {
                    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
                    let run = try await Self.run(folder, "restore", archive, "--root", root, "--force")
                    #expect(run.code == 0 && run.output.contains(".before-restore"), "\(run.text)")
                }
                for (name, text) in [("", "first"), ("-2", "second"), ("-3", "third")] {
                    #expect(try String(contentsOfFile: "\(file).before-restore\(name)", encoding: .utf8) == text)
                }
            }
        }

        @Test func `a journal goes with the database to which it belongs`() async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
                // The database itself is that of the backup; its journal makes it another.
                for name in ["a.db", "a.db-journal", "b.db-wal"] {
                    try Data((name == "a.db" ? "" : "x").utf8).write(to: URL(fileURLWithPath: "\(root)/\(name)"))
                }
                let archive = try Self.archive(["/a.db", "/b.db"], kind: .database, in: folder)
                let refused = try await Self.run(folder, "restore", archive, "--root", root)
                #expect(refused.code == 1 && refused.errors.contains("a.db"), "\(refused.text)")
                let run = try await Self.run(folder, "restore", archive, "--root", root, "--force")
                #expect(run.code == 0, "\(run.text)")
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: root).sorted() == [
                        "a.db", "a.db.before-restore", "a.db.before-restore-journal", "b.db",
                    ])
            }
        }

        @Test func `the unedited settings of a package are replaced without a question`() async throws {
            try await withTemporaryFolder { folder in
                let root = folder.appendingPathComponent("root").path
                try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
                let template = try Data(contentsOf: Repository.file("deploy/etc/simpleai.yaml"))
                try template.write(to: URL(fileURLWithPath: "\(root)/simpleai.yaml"))
                let archive = try Self.archive(["/simpleai.yaml"], kind: .settings, in: folder)
                let run = try await Self.run(folder, "restore", archive, "--root", root)
                #expect(run.code == 0, "\(run.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["simpleai.yaml"])
            }
        }

        @Test func `a full disk is noticed before the first file is replaced`() async throws {
            try await withTemporaryFolder { folder in
                try await BackupCommandTests.setUp(folder, port: 18_080)
                let settings = folder.appendingPathComponent("simpleai.yaml")
                let state = folder.appendingPathComponent("simpleai-state.json")
                try Data(repeating: 0x20, count: 200_000).write(to: state)
                let backup = folder.appendingPathComponent("backup.tar").path
                #expect(try await Self.run(folder, "backup", "--output", backup).code == 0)
                try Data("changed: 1\n".utf8).write(to: settings)
                try Data("changed".utf8).write(to: state)
                let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                // A limit for the size of files is as good as a full disk.
                let run = try await Program(
                    URL(fileURLWithPath: "/bin/sh"),
                    [
                        "-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" restore \"$1\" --force",
                        Repository.binary.path, backup,
                    ], directory: folder
                ).run()
                #expect(run.code == 1 && run.errors.contains("nothing was replaced"), "\(run.text)")
                #expect(try String(contentsOf: settings, encoding: .utf8) == "changed: 1\n")
                #expect(try String(contentsOf: state, encoding: .utf8) == "changed")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
            }
        }
    }
}
