import Foundation
import Installation
import OperatingSystem

/// The system's service manager, if it is systemd.
struct SystemService: Sendable {
    static let gateway = SystemService(unit: "simpleai.service")
    static let runner = SystemService(unit: "simpleai-runner.service")

    let unit: String

    /// Whether systemd manages this machine: the documented test (sd_booted(3)).
    static var isPresent: Bool { FileManager.default.fileExists(atPath: "/run/systemd/system") }

    /// Enables the unit, and starts it; a unit that runs is restarted, because its settings are new.
    /// - Throws: `CommandFailure` with the reason that systemctl states.
    func start() async throws {
        for verb in ["enable", "restart"] {
            guard let run = await Self.systemctl([verb, unit]) else {
                throw CommandFailure("systemctl is not installed")
            }
            guard run.isSuccess else {
                let reason = String(decoding: run.errors + run.output, as: UTF8.self).split(separator: "\n").last
                throw CommandFailure(
                    "systemctl \(verb) \(unit) failed: \(reason ?? "no reason stated"); see journalctl -u \(unit)")
            }
        }
    }

    /// The unit's state; nil without systemd, or if the unit is not installed.
    func state() async -> SystemDescription.Service? {
        guard Self.isPresent,
            let shown = await Self.systemctl(
                ["show", unit, "--property=LoadState,ActiveState,UnitFileState,User"]), shown.isSuccess
        else { return nil }
        var values: [String: String] = [:]
        for line in String(decoding: shown.output, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        guard values["LoadState"] == "loaded" else { return nil }
        let user = values["User"].flatMap { $0.isEmpty ? nil : $0 }
        return .init(
            unit: unit, activity: values["ActiveState"] ?? "unknown",
            isEnabled: values["UnitFileState"]?.hasPrefix("enabled") ?? false, user: user)
    }

    private static func systemctl(_ arguments: [String]) async -> ChildProcessEnding? {
        await output(of: "systemctl", ["--no-pager"] + arguments, within: .seconds(60))
    }

    /// Runs a program to its end; nil if it is not installed.
    static func output(of program: String, _ arguments: [String], within timeout: Duration) async -> ChildProcessEnding?
    {
        let path = ExecutableFile.searchPath + ":/usr/sbin:/sbin"
        guard let executable = ExecutableFile.path(of: program, searchPath: path) else { return nil }
        var child = ChildProcess(
            executable: executable, arguments: arguments, environment: ["PATH": path, "LC_ALL": "C"])
        child.output = .first(64 << 10)
        child.errors = .captured(.last(4 << 10))
        child.timeout = timeout
        return try? await child.run()
    }
}
