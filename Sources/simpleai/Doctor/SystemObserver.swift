import Foundation
import Gateway
import Installation
import LocalFleet
import OperatingSystem
import Settings
import SimpleAICore
import Storage

#if canImport(Glibc)
import Glibc
#endif

/// Observes this machine for `simpleai doctor`.
struct SystemObserver {
    let config: String?
    let token: String?
    let isOffline: Bool
    private let environment = ProcessInfo.processInfo.environment

    init(config: String?, token: String?, isOffline: Bool) {
        self.config = config
        self.token = token
        self.isOffline = isOffline
    }

    func describe() async throws -> SystemDescription {
        var system = SystemDescription(version: SimpleAI.version)
        system.host = host()
        let paths = try settingsPaths()
        if let path = paths.gateway { system.gateway = await GatewayObserver(path, self).describe() }
        if let path = paths.runner { system.runner = await RunnerObserver(path, self).describe() }
        if paths.gateway == nil, paths.runner == nil {
            system.gateway = .init(document: .missing(SettingsFile.defaultPaths))
        }
        return system
    }

    private func settingsPaths() throws -> (gateway: String?, runner: String?) {
        if let config {
            let text = try? SettingsFile.text(of: config)
            let isRunner =
                text.map { RunnerSettingsFile.isRunnerFile($0, name: config, environment: environment) } ?? false
            return isRunner ? (nil, config) : (config, nil)
        }
        func first(_ paths: [String], _ template: String) -> String? {
            paths.first { path in
                guard let text = try? SettingsFile.text(of: path) else {
                    return FileManager.default.fileExists(atPath: path)
                }
                // A package installs both files; the one that is not set up has no program.
                return ExistingSettings(content: text, template: template, ownFirstLine: "") != .replaceable
            }
        }
        return (
            first(SettingsFile.defaultPaths, GatewayProposal.templateLine),
            first(RunnerSettingsFile.defaultPaths, RunnerProposal.templateLine)
        )
    }

    private func host() -> SystemDescription.Host {
        var host = SystemDescription.Host()
        host.time = Int64(Date().timeIntervalSince1970)
        host.hasIPv6 = ListenerProbe.hasIPv6
        if let text = try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8) {
            host.hasResolver = text.split(separator: "\n").contains { $0.hasPrefix("nameserver") }
        } else {
            host.hasResolver = FileManager.default.fileExists(atPath: "/etc/resolv.conf") ? nil : false
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            host.maxOpenFiles = Int(clamping: limit.rlim_max)
        }
        return host
    }

    /// The outcome of listening on an address: `own` if the program that should be there responds.
    func listener(_ host: String, _ port: Int, isOwn: Bool) -> SystemDescription.Listener? {
        let outcome = ListenerProbe.outcome(host, port)
        guard case .taken = outcome else { return outcome }
        return isOwn ? .own : .taken(by: ListeningProcess.name(port: port))
    }

    /// The state of an engine.
    func engine(
        id: String, url: String, key: String, apiKey: String, tls: Settings.TLS, timeout: Duration = .seconds(4)
    ) async -> SystemDescription.EngineState {
        let probe = HTTPProbe(
            token: apiKey.isEmpty ? nil : apiKey, timeout: timeout, verifiesCertificates: tls.verify,
            authorities: tls.caFile)
        let reply = await probe.get("/v1/models", of: url)
        let outcome: SystemDescription.EngineState.Outcome
        if reply.outcome == .status(200) {
            let entries = reply.json.flatMap { $0["data"] ?? $0["models"] } as? [[String: Any]]
            outcome = entries.map { .models($0.compactMap { ($0["id"] ?? $0["name"]) as? String }) } ?? .noList
        } else {
            outcome = .failed(reply.outcome)
        }
        return SystemDescription.EngineState(id: id, url: url, outcome: outcome, key: key)
    }
}
