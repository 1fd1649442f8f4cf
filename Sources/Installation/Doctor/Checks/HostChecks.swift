import Settings
import SimpleAICore

/// The machine itself.
enum HostChecks {
    /// 2026-01-01: no clock can be right before the first release.
    private static let earliestTime: Int64 = 1_767_225_600
    /// Below this number, a few hundred clients exhaust the descriptors.
    private static let minOpenFiles = 1_024

    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        let host = system.host
        var findings: [Finding] = []
        if let time = host.time, time < earliestTime {
            findings.append(
                Finding(
                    "clock.implausible",
                    "this machine's clock is years behind: every token looks as if it were not valid yet",
                    fix: "set the clock: timedatectl set-ntp true"))
        }
        if host.hasResolver == false, let name = unresolvedName(in: system) {
            findings.append(
                Finding(
                    "resolver.missing", .warning,
                    "no resolver is configured, and the settings name the host \(name): /etc/resolv.conf names no server",
                    fix: "add a `nameserver` line to /etc/resolv.conf, or use IP addresses in the settings"))
        }
        if let limit = host.maxOpenFiles, limit < minOpenFiles {
            findings.append(
                Finding(
                    "limits.open-files", .warning, "a process may open \(limit) files only, each connection is one",
                    fix: "raise the limit: LimitNOFILE=65536 in the unit, or ulimit -n 65536"))
        }
        return findings
    }

    /// A host in the settings that is a name and has not been reached; /etc/hosts may resolve the others.
    private static func unresolvedName(in system: SystemDescription) -> String? {
        var hosts: [(host: String?, isResolved: Bool)] = []
        if let gateway = system.gateway, let settings = gateway.document.content {
            for issuer in settings.auth.issuers where settings.auth.mode != .none {
                let state = gateway.issuers.first { $0.issuer.isExactly(issuer.issuer) }
                let isResolved = state.map { $0.outcome != .failed(.unknownHost) } ?? false
                switch issuer.keys {
                case .discovery: hosts.append((URLHost.of(issuer.issuer), isResolved))
                case .url(let url): hosts.append((URLHost.of(url), isResolved))
                case .file: break
                }
            }
            for runner in settings.runners {
                let state = gateway.engines.first { runner.id.rawValue.isExactly($0.id) }
                hosts.append((URLHost.of(runner.url), state.map { $0.outcome != .failed(.unknownHost) } ?? false))
            }
        }
        if let runner = system.runner, let settings = runner.document.content {
            let isResolved = runner.gateway.map { $0 != .unknownHost } ?? false
            hosts.append((URLHost.of(settings.gateway), isResolved))
            for engine in settings.engines {
                let state = runner.engines.first { engine.url.isExactly($0.url) }
                hosts.append((URLHost.of(engine.url), state.map { $0.outcome != .failed(.unknownHost) } ?? false))
            }
        }
        return hosts.first { entry in
            !entry.isResolved && entry.host.map(URLHost.isName) ?? false
        }?.host
    }
}
