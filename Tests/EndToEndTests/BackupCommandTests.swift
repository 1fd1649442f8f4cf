import Foundation
import Testing

/// `simpleai backup` of a gateway that runs, and `simpleai restore` on another machine.
@Suite struct BackupCommandTests {
    private static func run(_ folder: URL, _ arguments: String...) async throws -> RunningProcess.Ended {
        try await Program(Repository.binary, arguments, environment: ["HOME": folder.path], directory: folder).run()
    }

    private static func setUp(_ folder: URL, port: Int) async throws {
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
}
