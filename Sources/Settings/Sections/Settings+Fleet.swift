import SimpleAICore

extension Settings.Fleet: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key.secret(
            "token", \.token, .token,
            "The shared secret of agents (docs/PROTOCOL.md); empty: only agents in `tokens` may register.")
        Key(
            "tokens", \.tokens, as: .names(placeholder: "ID", .value(SettingsKind.token)),
            default: { _ in .object([]) },
            "Individual tokens by runner id; such an id can register with its own token only."
        ) { table, fleet in
            fleet.readTokens(from: &table)
        }
        Key(
            "allowed_hosts", list: \.allowedHosts, of: .host,
            "Hosts that an agent's URL may name, in addition to its peer address.")
        // Agents send a message every 10 to 30 seconds.
        Key(
            "runner_timeout", \.runnerTimeout, .duration(from: .seconds(1), to: .seconds(86_400)), reload: .restart,
            "The time without a message after which an agent counts as disconnected.")
        Key(
            "grace", \.gracePeriod, .duration(to: .seconds(3_600)),
            "The time from an agent's disconnection until its machine counts as asleep.")
        Key(
            "state_file", \.stateFile, .name("a path"), reload: .restart,
            "The file for the state of machines that survives a restart.")
    }

    private mutating func readTokens(from table: inout SettingsTable) {
        table.names(in: "tokens") { table, name in
            let id = table.name(name, .agentID)
            let runnerToken = table.required(name, .token, "set the token of this runner")
            if let runnerToken, !runnerToken.isEmpty {
                tokens[id] = runnerToken
            } else if runnerToken != nil {
                table.problem("is empty; set the token of this runner", at: name)
            }
        }
    }
}

extension Settings.Wake: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key("enabled", \.enabled, .flag, "Whether calls wake machines.")
        Key(
            "broadcast", \.broadcast, .host, "The destination of magic packets to machines whose `wake` sets no other.")
        Key("port", \.port, .wakePort, "The UDP port of magic packets to machines whose `wake` sets no other.")
        Key(
            "timeout", \.timeout, .duration(from: .seconds(1), to: .seconds(3_600)),
            "The maximum time from the start of a wake until the machine serves.")
        Key(
            "schedule", list: \.schedule, of: .duration(),
            "When packets are sent, from the start of the wake; after the last one, every 15 s.")
        Key(
            "probe_every", \.probeInterval, .duration(from: .milliseconds(50)),
            "The interval of probes to a waking machine.")
        Key(
            "roles", \.roles, as: .list(of: SettingsKind.role), default: { _ in .array([]) },
            shown: { $0.sorted().map(\.rawValue).joined(separator: ", ") },
            "Roles that may cause a wake; empty: every authenticated caller."
        ) { table, wake in
            if let written = table.list("roles", of: .role) { wake.roles = Set(written) }
        }
    }

    func check(in table: SettingsTable) {
        if zip(schedule, schedule.dropFirst()).contains(where: { $0 >= $1 }) {
            table.problem("is not ascending; make each offset later than the one before", at: "schedule")
        }
        if let first = schedule.first, first >= timeout {
            table.problem(
                "sends its first packet at \(first.written), not before wake.timeout (\(timeout.written)); "
                    + "begin with 0s", at: "schedule")
        }
        if schedule.isEmpty, !table.hasProblem(at: "schedule") {
            table.problem("is empty; use at least [0s]", at: "schedule")
        }
        if probeInterval >= timeout {
            table.problem(
                "is not shorter than wake.timeout (\(timeout.written)), so a wake is never noticed in time; "
                    + "use a shorter interval", at: "probe_every")
        }
    }
}
