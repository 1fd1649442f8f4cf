import SimpleAICore

extension Settings {
    /// Reads the static runners. `wake` must be read before, because it contains defaults for them.
    mutating func readRunners(from table: inout SettingsTable) {
        table.tables("runners") { table in
            let url = table.required("url", .engineURL, "set the engine's URL, such as http://10.0.0.5:11434")
            let id = table.read("id", .runnerID)
            // An invalid entry is kept, so that indices match the file.
            var runner = StaticRunner(id: id ?? RunnerID(Self.hostAndPort(of: url ?? "")), url: url ?? "")
            runner.read(from: &table)
            runner.readWake(from: &table, defaults: wake)
            runners.append(runner)
        }
    }

    /// The id of a runner for which the file states none.
    private static func hostAndPort(of url: String) -> String {
        let parts = url.split(separator: "/", omittingEmptySubsequences: true)
        return parts.count > 1 ? String(parts[1]) : ""
    }
}

extension Settings.StaticRunner: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.list("models", of: .model, into: &models)
        table.names(in: "aliases") { table, name in
            let publicID = table.name(name, .model)
            if let engineID = table.required(name, .name("a model id"), "use the engine's own id of the model") {
                aliases[publicID] = engineID
            }
        }
        table.read("slots", .integer(1...10_000), into: &slots)
        table.read("weight", .integer(1...1_000), into: &weight)
        table.read("machine_type", .optionalName("a machine type"), into: &machineType)
        table.read("stream_usage", .flag, into: &streamUsage)
        if let written = table.list("endpoints", of: .endpoint) {
            endpoints = Endpoint.allCases.filter(written.contains)
        }
        table.section("tls") {
            $0.read("verify", .flag, into: &tls.verify)
            $0.read("ca_file", .existingFile, into: &tls.caFile)
        }
        table.secret("api_key", .token, into: &apiKey)
        readHeaders(from: &table)
        table.section("probe") {
            $0.read("path", .urlPath, into: &probe.path)
            $0.read("every", .duration(from: .milliseconds(50)), into: &probe.every)
            $0.read("timeout", .duration(from: .milliseconds(50)), into: &probe.timeout)
        }
    }

    /// Reads header fields. Values are secrets: `NAME: value`, or `NAME_file: path`.
    private mutating func readHeaders(from table: inout SettingsTable) {
        var fields: [Settings.HeaderField] = []
        table.names(in: "headers") { table, key in
            let name = key.hasSuffix("_file") ? String(key.dropLast("_file".count)) : key
            guard !fields.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
                if name == key {
                    _ = table.secret(key, .text)
                    table.problem("lists a header twice; list it once", at: key)
                }
                return
            }
            do throws(SettingsMismatch) {
                _ = try SettingsKind<String>.runnerHeaderName.read(name)
            } catch {
                _ = table.secret(name, .text)
                return table.problem(error.message, at: key)
            }
            guard let value = table.secret(name, .headerValue) else { return }
            fields.append(Settings.HeaderField(name: name, value: value))
        }
        headers = fields
        if !apiKey.isEmpty, fields.contains(where: { $0.name.lowercased() == "authorization" }) {
            table.problem("contains Authorization, which api_key sets too; keep one of them", at: "headers")
        }
    }

    /// An empty block counts as absent: the machine cannot be woken.
    fileprivate mutating func readWake(from table: inout SettingsTable, defaults: Settings.Wake) {
        table.section("wake") { table in
            // A program or a web hook needs no MAC address.
            let needsAddress =
                !table.isEmpty && !["command", "http", "http_file"].contains(where: table.hasValue)
            let macs = table.oneOrMore("mac", .mac) ?? []
            if needsAddress || table.hasValue("relay"), macs.isEmpty, !table.hasProblem(at: "mac") {
                table.problem("is required; set the machine's MAC address", at: "mac")
            }
            if Set(macs).count < macs.count { table.problem("lists an address twice; list it once", at: "mac") }
            let broadcast = table.read("broadcast", .host) ?? defaults.broadcast
            let port = table.read("port", .wakePort) ?? defaults.port
            let secureOn = table.secret("secure_on", .secureOn) ?? []
            var target = Settings.WakeTarget(macs: macs, broadcast: broadcast, port: port)
            target.secureOn = secureOn
            target.command = table.list("command", of: .name("a program or an argument")) ?? []
            target.http = table.secret("http", .webHook) ?? nil
            target.relay = table.read("relay", .relay) ?? nil
            if !macs.isEmpty || !target.command.isEmpty || target.http != nil { wake = target }
        }
    }
}

extension Settings.Wake: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("enabled", .flag, into: &enabled)
        table.read("broadcast", .host, into: &broadcast)
        table.read("port", .wakePort, into: &port)
        table.read("timeout", .duration(from: .seconds(1), to: .seconds(3_600)), into: &timeout)
        table.list("schedule", of: .duration(), into: &schedule)
        table.read("probe_every", .duration(from: .milliseconds(50)), into: &probeInterval)
        if let written = table.list("roles", of: .role) { roles = Set(written) }
        checkTimes(in: table)
    }

    private func checkTimes(in table: SettingsTable) {
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

extension SettingsKind where Value == Endpoint {
    /// `chat/completions`, or the path `/v1/chat/completions`.
    fileprivate static var endpoint: Self {
        .init(Endpoint.allCases[0].name) { text throws(SettingsMismatch) in
            if let endpoint = Endpoint(written: text) { return endpoint }
            throw .init(unknownName(text, among: Endpoint.allCases.map(\.name)))
        }
    }
}

extension SettingsKind where Value == Int {
    /// A destination port, which cannot be 0, unlike a listening port.
    fileprivate static var wakePort: Self { .integer(1...65_535) }
}
