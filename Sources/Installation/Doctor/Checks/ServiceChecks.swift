/// The units of the service manager, and the program that runs.
enum ServiceChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        var findings: [Finding] = []
        if let gateway = system.gateway {
            let isUsable = gateway.document.content != nil && gateway.startProblem == nil
            findings += service(gateway.service, isUsable: isUsable, responds: gateway.running != nil)
            findings += running(gateway.running, system.version)
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

    private static func running(_ running: SystemDescription.Running?, _ version: String) -> [Finding] {
        guard let running else { return [] }
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
