import Settings
import SimpleAICore

/// The units of the service manager, and the program that runs.
enum ServiceChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        var findings: [Finding] = []
        if let gateway = system.gateway {
            let isUsable = gateway.document.content != nil && gateway.startProblem == nil
            findings += service(gateway.service, isUsable: isUsable, responds: gateway.running != nil)
            findings += running(gateway.running, system.version)
            findings += outdated(gateway)
        }
        if let runner = system.runner {
            findings += service(runner.service, isUsable: runner.document.content != nil, responds: nil)
        }
        return findings
    }

    private static func service(
        _ service: SystemDescription.Service?, isUsable: Bool, responds: Bool?
    ) -> [Finding] {
        guard let service else { return [] }
        var findings: [Finding] = []
        if !service.isObservable {
            findings.append(
                Finding(
                    "service.not-observable", .warning,
                    "the files of the unit \(service.unit) were not checked: only root sees them as its user "
                        + "\(service.user ?? "") does",
                    fix: "run it as root: sudo simpleai doctor"))
        }
        switch service.activity {
        case "failed":
            findings.append(
                Finding(
                    "service.failed", "the unit \(service.unit) has failed",
                    fix: "see why: journalctl -u \(service.unit) -n 50; then systemctl restart \(service.unit)"))
        case "active" where responds == false:
            findings.append(
                Finding(
                    "service.silent", "the unit \(service.unit) is active, but the gateway does not respond",
                    fix: "systemctl restart \(service.unit); if it stays silent: journalctl -u \(service.unit) -n 50"))
        case "inactive" where isUsable && service.isEnabled:
            findings.append(
                Finding(
                    "service.stopped", "the unit \(service.unit) is enabled, but does not run",
                    fix: "systemctl start \(service.unit)"))
        case "active" where !service.isEnabled:
            findings.append(
                Finding(
                    "service.disabled", .warning, "the unit \(service.unit) runs, but is not started at the next boot",
                    fix: "systemctl enable \(service.unit)"))
        default: break
        }
        return findings
    }

    /// A gateway whose runners are not those of the settings: it has not read them.
    private static func outdated(_ gateway: SystemDescription.Gateway) -> [Finding] {
        guard let settings = gateway.document.content, gateway.running?.difference == nil,
            let machines = gateway.running?.machines
        else { return [] }
        let known = Set(machines.map { ExactString($0.id) })
        let missing = settings.runners.map(\.id.rawValue).filter { !known.contains(ExactString($0)) }
        let stated = Set(settings.runners.map { ExactString($0.id.rawValue) })
        let removed = machines.filter { !$0.isAgent && !stated.contains(ExactString($0.id)) }.map(\.id)
        guard !missing.isEmpty || !removed.isEmpty else { return [] }
        let parts = [
            missing.isEmpty ? nil : "it does not know \(missing.joined(separator: ", "))",
            removed.isEmpty ? nil : "it still has \(removed.joined(separator: ", "))",
        ]
        return [
            Finding(
                "settings.not-loaded", .warning,
                "the gateway that runs has other runners than its settings file: "
                    + parts.compactMap(\.self).joined(separator: ", and "),
                fix: gateway.service == nil
                    ? "send it SIGHUP, and see its log"
                    : "systemctl reload simpleai; its log has the reason if it refuses them")
        ]
    }

    private static func running(_ running: SystemDescription.Running?, _ version: String) -> [Finding] {
        guard let running else { return [] }
        if let difference = running.difference {
            return [
                Finding(
                    "gateway.other", "another gateway listens on the address of these settings: \(difference)",
                    fix:
                        "restart it if it has to use these settings; otherwise stop one of them, or choose another server.port"
                )
            ]
        }
        var findings: [Finding] = []
        if let other = running.version, other != version {
            findings.append(
                Finding(
                    "version.differs", .warning,
                    "the gateway that runs is version \(other), the installed program is \(version)",
                    fix: "restart it: systemctl restart simpleai"))
        }
        if !running.isReady {
            findings.append(
                Finding(
                    "gateway.not-ready",
                    "the gateway runs and accepts no calls: it shuts down, or has no key of any issuer yet",
                    fix: "see the findings about issuers, and its log"))
        }
        return findings
    }
}
