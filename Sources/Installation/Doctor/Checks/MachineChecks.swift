/// The machines as the running gateway sees them.
enum MachineChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        (system.gateway?.running?.machines ?? []).flatMap(findings)
    }

    private static func findings(of machine: SystemDescription.Running.Machine) -> [Finding] {
        var findings: [Finding] = []
        let reason = machine.reason.map { ": \($0)" } ?? ""
        if machine.isEjected {
            findings.append(
                Finding(
                    "machine.ejected", .warning,
                    "\(machine.id) is ejected, because several calls in a row failed on it\(reason)",
                    fix: "see the log of its engine; it gets a call on trial by itself"))
        }
        if machine.lastWakeFailed {
            findings.append(
                Finding(
                    "machine.wake-failed", "the last wake of \(machine.id) failed: the machine did not respond in time",
                    fix: machine.isAgent
                        ? "run `simpleai doctor` on \(machine.id) (Wake-on-LAN of its card and its firmware), then `simpleai wake "
                            + "\(machine.id) --wait`"
                        : "check its wake settings and Wake-on-LAN in its firmware, then `simpleai wake \(machine.id) --wait`"
                ))
        } else if ["asleep", "down", "unreachable"].contains(machine.state), !machine.canBeWoken {
            findings.append(
                Finding(
                    "machine.down", "\(machine.id) does not respond, and the gateway has no way to wake it\(reason)",
                    fix: machine.isAgent
                        ? "start its agent: systemctl start simpleai-runner" : "switch it on, or give it a `wake` block"
                ))
        }
        if let problem = machine.sleepProblem {
            findings.append(
                Finding(
                    "machine.sleep-problem", .warning, "\(machine.id) cannot be put to sleep: \(problem)",
                    fix: "run `simpleai sleep \(machine.id)` to see the output of its sleep command"))
        }
        return findings
    }
}
