import SimpleAICore

/// The machines as the running gateway sees them.
enum MachineChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway else { return [] }
        return (gateway.running?.machines ?? []).flatMap { machine in
            // A fault of its engine that was found from here states the reason.
            let isExplained = EngineChecks.hasFinding(on: machine.id, of: gateway)
            return findings(of: machine, isExplained: isExplained)
        }
    }

    private static func findings(
        of machine: SystemDescription.Running.Machine, isExplained: Bool
    ) -> [Finding] {
        var findings: [Finding] = []
        let reason = machine.reason.map { ": \($0)" } ?? ""
        if machine.isEjected {
            findings.append(
                Finding(
                    "machine.ejected", .warning,
                    "\(machine.id) is ejected, because several calls in a row failed on it\(reason)",
                    fix: "see the log of its engine; it gets a call on trial by itself"))
        }
        let state = RunnerState(rawValue: machine.state)
        if machine.lastWakeFailed || state == .wakeFailed {
            findings.append(wakeFailed(machine))
        } else if let state, !isExplained, let finding = unavailable(machine, state, reason) {
            findings.append(finding)
        }
        if let problem = machine.sleepProblem {
            findings.append(
                Finding(
                    "machine.sleep-problem", .warning, "\(machine.id) cannot be put to sleep: \(problem)",
                    fix: "run `simpleai sleep \(machine.id)` to see the output of its sleep command"))
        }
        return findings
    }

    private static func wakeFailed(_ machine: SystemDescription.Running.Machine) -> Finding {
        Finding(
            "machine.wake-failed", "the last wake of \(machine.id) failed: the machine did not respond in time",
            fix: machine.isAgent
                ? "run `simpleai doctor` on \(machine.id) (Wake-on-LAN of its card and its firmware), then `simpleai wake "
                    + "\(machine.id) --wait`"
                : "check its wake settings and Wake-on-LAN in its firmware, then `simpleai wake \(machine.id) --wait`")
    }

    private static func unavailable(
        _ machine: SystemDescription.Running.Machine, _ state: RunnerState, _ reason: String
    ) -> Finding? {
        let start = "start its agent: systemctl start simpleai-runner"
        switch state {
        case .ready, .checking, .loading, .waking, .wakeFailed: return nil
        case .asleep where machine.canBeWoken: return nil
        case .asleep, .lost:
            return Finding(
                "machine.down", "\(machine.id) does not respond, and the gateway has no way to wake it\(reason)",
                fix: machine.isAgent ? start : "switch it on, or give it a `wake` block")
        case .down:
            return Finding(
                "machine.engine-down", "the machine \(machine.id) responds, its engine does not\(reason)",
                fix: machine.isAgent
                    ? "run `simpleai doctor` on \(machine.id)" : "start the engine there, or see its log")
        case .unknown:
            return Finding(
                "machine.unknown", .warning,
                "the gateway does not know yet whether \(machine.id) can serve\(reason)",
                fix: machine.isAgent
                    ? "\(start); if it stays like this, run `simpleai doctor` there"
                    : "run `simpleai doctor` again in a minute, and see the log of its engine")
        }
    }
}
