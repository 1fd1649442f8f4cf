import Foundation
import Testing

@testable import simpleai

/// `simpleai backup` of a gateway that runs, and `simpleai restore` on another machine.
@Suite struct BackupCommandTests {
    private static func run(_ folder: URL, _ arguments: String...) async throws -> RunningProcess.Ended {
        try await Program(Repository.binary, arguments, environment: ["HOME": folder.path], directory: folder).run()
    }

    static func setUp(_ folder: URL, port: Int) async throws {
        let made = try await run(
            folder, "setup", "--yes", "--directory", folder.path, "--no-start", "--port", "\(port)")
        #expect(made.code == 0, "\(made.text)")
    }

    private static func admin(_ folder: URL) async throws -> String {
        try await run(folder, "token", "--key", "tokens/token-key.pem", "--role", "admin").output
            .trimmingCharacters(in: .newlines)
    }

    @Test func `a backup of a running gateway restores settings, keys and state`() async throws {
        try await withTemporaryFolder { folder in
            let port = try FreePort.tcp()
            let url = "http://127.0.0.1:\(port)"
            let home = folder.appendingPathComponent("gateway")
            try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
            try await Self.setUp(home, port: port)
            let backup = folder.appendingPathComponent("backup.tar").path
            let key = try await RunningProcess.run(
                Program(Repository.binary, ["serve", "--json"], directory: home)
            ) { process in
                _ = try await process.ready()
                let token = try await Self.admin(home)
                let created = try await Self.run(home, "keys", "create", "laptop", "--url", url, "--token", token)
                #expect(created.code == 0, "\(created.text)")
                let invited = try await Self.run(home, "invite", "desk", "--url", url, "--token", token)
                #expect(invited.code == 0, "\(invited.text)")
                let made = try await Self.run(home, "backup", "--output", backup)
                #expect(made.code == 0, "\(made.text)")
                // A container with a read-only root has no folder for temporary files.
                let second = folder.appendingPathComponent("second.tar").path
                let contained = try await Program(
                    Repository.binary, ["backup", "--output", second],
                    environment: ["HOME": home.path, "TMPDIR": "/nonexistent"], directory: home
                ).run()
                #expect(contained.code == 0, "\(contained.text)")
                let again = try await Self.run(home, "backup", "--output", backup)
                #expect(again.code == 1 && again.errors.contains("--force"), "\(again.text)")
                // A key that is younger than the backup.
                _ = try await Self.run(home, "keys", "create", "later", "--url", url, "--token", token)
                return created.output.trimmingCharacters(in: .newlines)
            }
            let mode = try FileManager.default.attributesOfItem(atPath: backup)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let listed = try await Self.run(home, "restore", backup, "--list")
            for name in ["simpleai.yaml", "token-key.pem", "jwks.json", "simpleai.db", "simpleai-state.json.runners"] {
                #expect(listed.output.contains(name), "\(listed.text)")
            }

            // The disk is lost.
            try FileManager.default.removeItem(at: home)
            let restored = try await Self.run(folder, "restore", backup)
            #expect(restored.code == 0, "\(restored.text)")
            try await RunningProcess.run(Program(Repository.binary, ["serve", "--json"], directory: home)) { process in
                _ = try await process.ready()
                let keys = try await Self.run(home, "keys", "list", "--url", url, "--token", try await Self.admin(home))
                #expect(keys.output.contains("laptop") && !keys.output.contains("later"), "\(keys.text)")
                if let curl = JoinedFleet.curl {
                    let models = try await Program(
                        curl,
                        [
                            "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer \(key)",
                            url + "/v1/models",
                        ]
                    ).run()
                    #expect(models.output == "200", "the restored key is not accepted: \(models.text)")
                }
            }
        }
    }

    @Test func `files that differ are replaced only with --force, and kept`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.setUp(folder, port: 18_080)
            let backup = folder.appendingPathComponent("backup.tar").path
            _ = try await Self.run(folder, "backup", "--output", backup)
            let settings = folder.appendingPathComponent("simpleai.yaml")
            let original = try String(contentsOf: settings, encoding: .utf8)
            try (original + "# edited\n").write(to: settings, atomically: true, encoding: .utf8)
            let refused = try await Self.run(folder, "restore", backup)
            #expect(refused.code == 1 && refused.errors.contains("nothing was changed"), "\(refused.text)")
            #expect(try String(contentsOf: settings, encoding: .utf8) == original + "# edited\n")
            let forced = try await Self.run(folder, "restore", backup, "--force")
            #expect(forced.code == 0, "\(forced.text)")
            #expect(try String(contentsOf: settings, encoding: .utf8) == original)
            #expect(
                try String(contentsOfFile: settings.path + ".before-restore", encoding: .utf8) == original
                    + "# edited\n")
            let elsewhere = folder.appendingPathComponent("root")
            let below = try await Self.run(folder, "restore", backup, "--root", elsewhere.path)
            #expect(below.code == 0, "\(below.text)")
            #expect(FileManager.default.contentsEqual(atPath: settings.path, andPath: elsewhere.path + settings.path))
        }
    }

    @Test func `a damaged backup changes nothing`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.setUp(folder, port: 18_080)
            let backup = folder.appendingPathComponent("backup.tar")
            _ = try await Self.run(folder, "backup", "--output", backup.path)
            let bytes = try Data(contentsOf: backup)
            let target = folder.appendingPathComponent("root")
            var changed = bytes
            let place = try #require(changed.range(of: Data("host:".utf8)))
            changed[place.lowerBound] ^= 1
            for damaged in [Data(), bytes.prefix(bytes.count / 2), changed, Data("no archive".utf8)] {
                let file = folder.appendingPathComponent("damaged.tar")
                try damaged.write(to: file)
                let run = try await Self.run(folder, "restore", file.path, "--root", target.path)
                #expect(run.code == 1 && run.errors.contains("nothing was changed"), "\(run.text)")
                #expect(!FileManager.default.fileExists(atPath: target.path))
            }
        }
    }

    @Test func `a gateway that runs is not restored, and one that has ended is`() async throws {
        try await withTemporaryFolder { folder in
            let home = folder.appendingPathComponent("gateway")
            try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
            try await Self.setUp(home, port: try FreePort.tcp())
            let backup = folder.appendingPathComponent("backup.tar").path
            try await RunningProcess.run(Program(Repository.binary, ["serve", "--json"], directory: home)) { process in
                _ = try await process.ready()
                try Data("{}".utf8).write(to: home.appendingPathComponent("simpleai-state.json"))
                #expect(try await Self.run(home, "backup", "--output", backup).code == 0)
                for arguments in [[], ["--force"]] {
                    let refused = try await Program(
                        Repository.binary, ["restore", backup] + arguments, directory: folder
                    ).run()
                    #expect(refused.code == 1 && refused.errors.contains("a gateway that runs"), "\(refused.text)")
                    #expect(refused.errors.contains(home.lastPathComponent), "\(refused.text)")
                }
                // No end of the process leaves a lock behind.
                process.kill()
                _ = try await process.ended(within: .seconds(30))
                let restored = try await Self.run(folder, "restore", backup, "--force")
                #expect(restored.code == 0, "\(restored.text)")
            }
        }
    }

    @Test func `a backup from another folder finds the files of the gateway`() async throws {
        try await withTemporaryFolder { folder in
            let home = folder.appendingPathComponent("place")
            let other = folder.appendingPathComponent("other")
            for path in [home, other] {
                try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            }
            let port = try FreePort.tcp()
            let settings = "server: { port: \(port) }\nauth: { mode: none }\n"
            try Data(settings.utf8).write(to: home.appendingPathComponent("simpleai.yaml"))
            try FileManager.default.createSymbolicLink(
                atPath: other.path + "/linked.yaml", withDestinationPath: "../place/simpleai.yaml")
            try Data("TOKEN=secret\n".utf8).write(to: home.appendingPathComponent("simpleai.env"))
            let state = "simpleai-state.json"

            // A gateway that has run in the folder of its settings.
            let content = Data(#"{"version":1,"runners":{}}"#.utf8)
            try content.write(to: home.appendingPathComponent(state))
            for (number, config) in ["../place/simpleai.yaml", "linked.yaml", "./../place/./simpleai.yaml"].enumerated()
            {
                let made = try await Self.run(other, "backup", "--config", config, "--output", "\(number).tar")
                #expect(made.code == 0 && made.output.contains("/place/\(state) (state)"), "\(made.text)")
                #expect(
                    made.errors.contains("does not exist") && made.errors.contains("/place/simpleai.db"), "\(made.text)"
                )
            }
            let made = try await Self.run(other, "backup", "--config", "../place/simpleai.yaml", "--output", "env.tar")
            #expect(made.output.contains("/place/simpleai.env (input)"), "\(made.text)")

            // One that runs in a third folder, which only the running process shows.
            let third = folder.appendingPathComponent("third")
            try FileManager.default.createDirectory(at: third, withIntermediateDirectories: true)
            try content.write(to: third.appendingPathComponent(state))
            let program = Program(
                Repository.binary, ["serve", "--json", "--config", "../place/simpleai.yaml"], directory: third)
            #if os(Linux)
            try await RunningProcess.run(program) { process in
                _ = try await process.ready()
                let made = try await Self.run(
                    other, "backup", "--config", "../place/simpleai.yaml", "--output", "r.tar")
                #expect(made.code == 0 && made.output.contains("/third/\(state) (state)"), "\(made.text)")
            }
            #endif
        }
    }

    @Test func `settings behind a link keep their mode, and the link`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.setUp(folder, port: 18_080)
            let settings = folder.appendingPathComponent("simpleai.yaml").path
            let target = folder.appendingPathComponent("target.yaml").path
            try FileManager.default.moveItem(atPath: settings, toPath: target)
            chmod(target, 0o600)
            try FileManager.default.createSymbolicLink(atPath: settings, withDestinationPath: "target.yaml")
            let backup = folder.appendingPathComponent("backup.tar").path
            #expect(try await Self.run(folder, "backup", "--output", backup).code == 0)
            let root = folder.appendingPathComponent("root").path
            #expect(try await Self.run(folder, "restore", backup, "--root", root).code == 0)
            let mode = try FileManager.default.attributesOfItem(atPath: root + settings)[.posixPermissions] as? Int
            #expect(mode == 0o600)

            let original = try Data(contentsOf: URL(fileURLWithPath: target))
            try Data("changed: 1\n".utf8).write(to: URL(fileURLWithPath: target))
            let forced = try await Self.run(folder, "restore", backup, "--force")
            #expect(forced.code == 0, "\(forced.text)")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: settings) == "target.yaml")
            #expect(try Data(contentsOf: URL(fileURLWithPath: target)) == original)
        }
    }

    @Test func `a backup replaces no file of the gateway, and tells what is wrong`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.setUp(folder, port: 18_080)
            let settings = folder.appendingPathComponent("simpleai.yaml")
            let original = try Data(contentsOf: settings)
            for output in ["simpleai.yaml", "./tokens/../simpleai.yaml"] {
                let run = try await Self.run(folder, "backup", "--force", "--output", output)
                #expect(run.code == 1 && run.errors.contains("is a file of the gateway"), "\(run.text)")
            }
            #expect(try Data(contentsOf: settings) == original)
            let empty = try await Self.run(folder, "backup", "-o", "")
            #expect(empty.code != 0 && empty.errors.contains("--output is empty"), "\(empty.text)")
            let root = try await Self.run(folder, "restore", "x.tar", "--root", "")
            #expect(root.code != 0 && root.errors.contains("--root is empty"), "\(root.text)")

            let runner = "gateway: http://127.0.0.1:9\ntoken: 0123456789abcdef0123456789abcdef\nid: a\nengines: []\n"
            try Data(runner.utf8).write(to: folder.appendingPathComponent("runner.yaml"))
            let agent = try await Self.run(folder, "backup", "--config", "runner.yaml", "-o", "x.tar")
            #expect(agent.code == 1, "\(agent.text)")

            // A former archive that others may read.
            let file = folder.appendingPathComponent("x.tar").path
            try Data().write(to: URL(fileURLWithPath: file))
            chmod(file, 0o644)
            let made = try await Self.run(folder, "backup", "--force", "-o", "x.tar")
            #expect(made.code == 0, "\(made.text)")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)

            try Data("no database".utf8).write(to: folder.appendingPathComponent("simpleai.db"))
            let damaged = try await Self.run(folder, "backup", "-o", "y.tar")
            #expect(damaged.code == 1 && damaged.errors.contains("not a database"), "\(damaged.text)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/y.tar"))
        }
    }

    @Test func `the command line of a gateway names its settings`() {
        #expect(GatewayProcess.settingsOption(of: ["/usr/bin/simpleai", "serve", "--config", "/a"]) == .some("/a"))
        #expect(GatewayProcess.settingsOption(of: ["simpleai", "serve", "--json", "--config=b"]) == .some("b"))
        #expect(GatewayProcess.settingsOption(of: ["./simpleai", "serve"]) == .some(nil))
        for other in [
            [], ["simpleai"], ["simpleai", "backup"], ["sh", "-c", "simpleai serve"], ["x", "serve", "--config"],
        ] {
            #expect(GatewayProcess.settingsOption(of: other) == nil)
        }
    }
}
