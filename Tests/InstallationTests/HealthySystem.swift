import Settings
import SimpleAICore

@testable import Installation

/// A description of a machine without faults, which tests change.
enum HealthySystem {
    static let settingsText = """
        server: { host: 0.0.0.0, port: 8080 }
        auth:
          issuers:
            - { issuer: "https://issuer.example", audience: simpleai }
        classes:
          fast: ["llama3.2"]
        runners:
          - { id: gpu, url: "http://10.0.0.5:11434" }
          - { id: lab, url: "http://10.0.0.6:8000", wake: { mac: "52:54:00:12:34:56" } }
        """

    static let runnerText = """
        gateway: wss://gateway.example
        token: simpleai-join-000000000000000000000000000000000000000000000000000
        id: desk
        engines: [ { kind: ollama } ]
        power: { sleep_command: [/bin/true] }
        """

    static func settings(_ text: String = settingsText) throws -> SystemDescription.Document<Settings> {
        let loaded = try SettingsFile.parse(text, name: "/etc/simpleai/simpleai.yaml", environment: [:])
        return .valid(loaded.settings, path: loaded.path, warnings: [])
    }

    static func runnerSettings(_ text: String = runnerText) throws -> SystemDescription.Document<RunnerSettings> {
        let loaded = try RunnerSettingsFile.parse(text, name: "/etc/simpleai/runner.yaml", environment: [:])
        return .valid(loaded.settings, path: loaded.path, warnings: [])
    }

    static let ownFolder = SystemDescription.File.Folder.present(.init(mode: 0o700, owner: "simpleai"))

    static func file(
        _ path: String, _ purpose: SystemDescription.File.Purpose, mode: UInt16 = 0o600
    ) -> SystemDescription.File {
        var file = SystemDescription.File(
            path: path, purpose: purpose, access: .init(mode: mode, owner: "simpleai"), folder: ownFolder)
        file.freeSpace = .mebibytes(40 << 10)
        file.freeFiles = 1_000_000
        return file
    }

    static func description() throws -> SystemDescription {
        var system = SystemDescription(version: "1.2.3")
        system.host.time = 1_790_000_000
        system.host.hasIPv6 = false
        system.host.hasResolver = true
        system.host.maxOpenFiles = 65_536
        system.host.user = "root"
        var gateway = SystemDescription.Gateway(document: try settings())
        gateway.files = [
            file("/etc/simpleai/simpleai.yaml", .settings, mode: 0o640),
            file("/etc/simpleai/tokens/token-key.pem", .tokenKey),
            file("/etc/simpleai/tls.key", .tlsKey), file("/etc/simpleai/ca.pem", .input, mode: 0o644),
            file("/var/lib/simpleai/simpleai.db", .keyDatabase), file("/var/lib/simpleai/state.json", .state),
            file("/var/lib/simpleai/state.json.runners", .runnerTokens),
        ]
        gateway.listener = .own
        gateway.issuers = [.init(issuer: "https://issuer.example", outcome: .keys(2), clockDifference: -1)]
        gateway.engines = [
            .init(id: "gpu", url: "http://10.0.0.5:11434", outcome: .models(["llama3.2:latest"]), key: "runners[0]"),
            sleeper(),
        ]
        gateway.service = .init(unit: "simpleai.service", activity: "active", isEnabled: true, user: "simpleai")
        gateway.running = .init(
            version: "1.2.3", isReady: true,
            machines: [
                .init(id: "gpu", state: "ready", models: ["llama3.2:latest"]),
                .init(id: "lab", state: "asleep", models: ["qwen3:8b"], canBeWoken: true),
                .init(id: "desk", state: "ready", models: ["phi4"], isAgent: true),
            ])
        gateway.wakePackets = [.init(destination: "255.255.255.255:9", key: "wake.broadcast", outcome: .received)]
        gateway.ownTokens = [
            .init(
                key: "/etc/simpleai/tokens/token-key.pem", issuer: "https://tokens.example", audience: "simpleai",
                outcome: .accepted)
        ]
        gateway.hasInvitedRunners = true
        system.gateway = gateway
        system.runner = try runner()
        return system
    }

    /// A static runner whose machine sleeps and can be woken.
    static func sleeper() -> SystemDescription.EngineState {
        var sleeper = SystemDescription.EngineState(
            id: "lab", url: "http://10.0.0.6:8000", outcome: .failed(.timedOut), key: "runners[1]")
        sleeper.canBeWoken = true
        return sleeper
    }

    private static func runner() throws -> SystemDescription.Runner {
        var runner = SystemDescription.Runner(document: try runnerSettings())
        runner.files = [
            file("/etc/simpleai/runner.yaml", .settings, mode: 0o640),
            file("/var/lib/simpleai-runner/state.json", .ownToken),
        ]
        runner.listener = .own
        runner.engines = [
            .init(id: "desk", url: "http://127.0.0.1:11434", outcome: .models(["phi4"]), key: "engines[0]")
        ]
        runner.service = .init(unit: "simpleai-runner.service", activity: "active", isEnabled: true)
        runner.gateway = .status(200)
        runner.isGateway = true
        runner.gatewayVersion = "1.2.3"
        runner.clockDifference = 1
        runner.hasRegistered = true
        runner.wakeOnLAN = .enabled
        runner.hasHardwareAddress = true
        return runner
    }
}
