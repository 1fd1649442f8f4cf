import Foundation
import Testing

/// Private mount namespaces: what is mounted in them exists nowhere else.
private enum MountNamespaces {
    static let missing: Comment = "mount namespaces are not available: run the tests as root"
    static let options = getuid() == 0 ? ["-m"] : ["-r", "-m"]
    static let unshare = Python.path("unshare")

    static let areThere: Bool = {
        guard let unshare else { return false }
        let probe = Program(unshare, options + ["sh", "-c", "mount -t tmpfs none /etc"])
        return (try? ChildProcess(probe))?.waitForEnd() == 0
    }()
}

/// Commands at a shell read the settings of an installed service in the service's environment.
///
/// Each command has an /etc of its own, in a mount namespace.
@Suite(.enabled(if: MountNamespaces.areThere, MountNamespaces.missing)) struct InstalledEnvironmentTests {
    /// Runs `simpleai` where /etc/simpleai has these files.
    private func simpleai(
        _ arguments: [String], files: [String: String], environment: [String: String] = [:], in folder: URL
    ) async throws -> RunningProcess.Ended {
        let etc = folder.appendingPathComponent("etc")
        try FileManager.default.createDirectory(at: etc, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(to: etc.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
        let script =
            "mount -t tmpfs none /etc && mkdir /etc/simpleai && cp -R \"$1\"/. /etc/simpleai/ && shift && exec \"$@\""
        return try await Program(
            try #require(MountNamespaces.unshare),
            MountNamespaces.options + ["sh", "-c", script, "sh", etc.path, Repository.binary.path] + arguments,
            environment: ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path].merging(environment) { _, given in given
            },
            directory: folder
        ).run()
    }

    private static let gateway = [
        "simpleai.yaml": """
        server: { host: 127.0.0.1, port: "${PORT}" }
        auth: { mode: none }
        fleet: { token: "${FLEET_TOKEN}" }
        """,
        "simpleai.env": "# secrets\nFLEET_TOKEN='0123456789abcdef$0123456789abcdef'\nPORT=19999\n",
    ]

    @Test(arguments: [
        ["--config", "/etc/simpleai/simpleai.yaml"], ["--config", "/etc//simpleai/../simpleai/simpleai.yaml"],
        ["--config", "/proc/self/root/etc/simpleai/simpleai.yaml"], [],
    ])
    func `config check and health use the variables of the service`(options: [String]) async throws {
        try await withTemporaryFolder { folder in
            let check = try await simpleai(["config", "check"] + options, files: Self.gateway, in: folder)
            #expect(check.code == 0 && check.output.contains("http://127.0.0.1:19999"), "\(check.text)")
            let own = try await simpleai(
                ["config", "check"] + options, files: Self.gateway, environment: ["PORT": "19998"], in: folder)
            #expect(own.output.contains("http://127.0.0.1:19998"), "the process's own precede: \(own.text)")
            let health = try await simpleai(["health"] + options, files: Self.gateway, in: folder)
            #expect(health.code == 1 && health.errors.contains("http://127.0.0.1:19999"), "\(health.text)")
        }
    }

    @Test func `operator commands, doctor and backup use the variables of the service`() async throws {
        try await withTemporaryFolder { folder in
            let fleet = try await simpleai(["fleet", "--token", "x"], files: Self.gateway, in: folder)
            #expect(fleet.code == 1 && fleet.errors.contains("refused by 127.0.0.1:19999"), "\(fleet.text)")
            let config = ["--config", "/etc/simpleai/simpleai.yaml"]
            let doctor = try await simpleai(["doctor", "--offline"] + config, files: Self.gateway, in: folder)
            #expect(!doctor.text.contains("is not set"), "\(doctor.text)")
            let backup = try await simpleai(
                ["backup", "--output", folder.path + "/b.tar"] + config, files: Self.gateway, in: folder)
            #expect(!backup.text.contains("is not set") && !backup.text.contains("valid settings"), "\(backup.text)")
        }
    }

    @Test func `the agent has a file of its own`() async throws {
        let files = [
            "runner.yaml": "gateway: ws://127.0.0.1:1\ntoken: \"${RUNNER_TOKEN}\"\nengines: [ { kind: ollama } ]\n",
            "runner.env": "RUNNER_TOKEN=0123456789abcdef0123456789abcdef\n", "simpleai.env": "RUNNER_TOKEN=\n",
        ]
        try await withTemporaryFolder { folder in
            let config = ["--config", "/etc/simpleai/runner.yaml"]
            let check = try await simpleai(["config", "check"] + config, files: files, in: folder)
            #expect(check.code == 0, "\(check.text)")
            let doctor = try await simpleai(["doctor", "--offline"] + config, files: files, in: folder)
            #expect(!doctor.text.contains("is not set") && !doctor.text.contains("is empty"), "\(doctor.text)")
        }
    }

    @Test func `settings elsewhere are read in the environment of the process`() async throws {
        try await withTemporaryFolder { folder in
            let settings = folder.appendingPathComponent("own.yaml")
            try #require(Self.gateway["simpleai.yaml"]).write(to: settings, atomically: true, encoding: .utf8)
            let check = try await simpleai(
                ["config", "check", "--config", settings.path], files: Self.gateway, in: folder)
            #expect(check.code == 1 && check.errors.contains("variable PORT is not set"), "\(check.text)")
        }
    }

    @Test func `a file of variables that cannot be read is named`() async throws {
        try await withTemporaryFolder { folder in
            let place = folder.appendingPathComponent("etc/simpleai.env")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            let files = Self.gateway.filter { $0.key != "simpleai.env" }
            for command in [["config", "check"], ["fleet"], ["health"]] {
                let run = try await simpleai(command, files: files, in: folder)
                #expect(run.code == 1 && run.errors.contains("variable PORT is not set"), "\(run.text)")
                #expect(run.errors.contains("/etc/simpleai/simpleai.env cannot be read"), "\(run.text)")
            }
        }
    }
}
