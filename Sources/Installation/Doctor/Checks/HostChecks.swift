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
        if host.hasResolver == false {
            findings.append(
                Finding(
                    "resolver.missing", .warning, "no resolver is configured: /etc/resolv.conf names no server",
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
}
