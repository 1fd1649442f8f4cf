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
            system.gateway = .init(document: Self.unset())
        }
        return system
    }

    /// A package's file, or no file at all.
    private static func unset() -> SystemDescription.Document<Settings> {
        let paths = SettingsFile.defaultPaths + RunnerSettingsFile.defaultPaths
        return paths.first { FileManager.default.fileExists(atPath: $0) }.map { .template($0) }
            ?? .missing(SettingsFile.defaultPaths)
    }

    /// Whether a file belongs to another user and cannot be read: then doctor checks nothing else of it.
    static func isClosed(_ path: String) -> Bool {
        var status = stat()
        return geteuid() != 0 && stat(path, &status) == 0 && status.st_uid != geteuid() && access(path, R_OK) != 0
            && errno == EACCES
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
        host.user = FileObserver.name(of: geteuid())
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
    func listener(
        _ host: String, _ port: Int, isOwn: Bool, service: SystemDescription.Service?
    ) async -> SystemDescription.Listener? {
        switch ListenerProbe.outcome(host, port) {
        case .taken: return isOwn ? .own : .taken(by: ListeningProcess(port: port)?.description)
        case .free where await PortPrivilege.isSufficient(for: port, of: service) == false: return .notPermitted
        case .notPermitted where await PortPrivilege.isSufficient(for: port, of: service) == true: return .free
        case let outcome: return outcome
        }
    }
}
