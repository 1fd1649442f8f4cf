import SimpleAICore

extension RunnerSettings: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        gateway =
            table.required("gateway", .gatewayURL, "set the gateway's URL, such as ws://gateway.lan:8080") ?? ""
        readToken(from: &table)
        table.read("id", .agentID, into: &id)
        table.read("name", .text, into: &name)
        table.read("machine_type", .optionalName("a machine type"), into: &machineType)
        table.section("listen") {
            $0.read("host", .host, into: &listen.host)
            $0.read("port", .integer(0...65_535), into: &listen.port)
        }
        table.read("base_url", .optionalEngineURL, into: &baseURL)
        table.read("mac", .macChoice, into: &mac)
        table.read("heartbeat", .duration(from: .milliseconds(100), to: .seconds(60)), into: &heartbeat)
        table.read("drain", .duration(), into: &drain)
        readEngines(from: &table)
        table.names(in: "aliases") { table, name in
            let publicID = table.name(name, .model)
            if let engineID = table.required(name, .name("a model id"), "use the engine's own id of the model") {
                aliases[publicID] = engineID
            }
        }
        table.section("power") {
            $0.list("sleep_command", of: .argument, into: &power.sleepCommand)
            $0.read("watts", .integer(0...100_000), into: &power.watts)
        }
        table.section("tls") {
            $0.read("verify", .flag, into: &tls.verify)
            $0.read("ca_file", .existingFile, into: &tls.caFile)
        }
        table.section("log", into: &log)
        checkTransport(in: table)
        if let program = power.sleepCommand.first, SettingsValidation.isMissing(program) {
            table.warning(SettingsValidation.missing(program), at: "power")
        }
        checkReachability(in: table)
    }

    /// Warns if the gateway cannot reach the agent: its calls use the listening address unless `base_url` states
    /// another.
    private func checkReachability(in table: SettingsTable) {
        guard HostName.isLoopback(listen.host), baseURL.isEmpty,
            let address = try? WebAddress(gateway, schemes: ["ws", "wss"], allowingQuery: false),
            !HostName.isLoopback(address.host)
        else { return }
        table.warning(
            "\(listen.host) is reachable from this machine only, and the gateway is \(address.host); use 0.0.0.0, or "
                + "set base_url to an address of this machine that it reaches", at: "listen")
    }

    private mutating func readToken(from table: inout SettingsTable) {
        if let written = table.secret("token", .token), !written.isEmpty {
            token = written
        } else if !table.hasProblem(at: "token"), !table.hasProblem(at: "token_file") {
            table.problem(
                "is required; set the gateway's fleet.token, or its file as token_file", at: "token")
        }
    }

    private mutating func readEngines(from table: inout SettingsTable) {
        var places: [ExactString: Int] = [:]
        table.tables("engines") { table in
            let index = engines.count
            var engine = Engine(kind: .openAI, url: "")
            engine.read(from: &table)
            engines.append(engine)
            guard !engine.url.isEmpty else { return }
            if let first = places[ExactString(engine.url)] {
                table.problem("is already the URL of engines[\(first)]; list each engine once", at: "url")
            }
            places[ExactString(engine.url)] = places[ExactString(engine.url)] ?? index
        }
        if engines.isEmpty, !table.hasProblem(at: "engines") {
            table.problem(
                "is required; add at least one `- kind: …`, one of \(Engine.Kind.allCases.map(\.rawValue))",
                at: "engines")
        }
    }

    private func checkTransport(in table: SettingsTable) {
        if !tls.verify, gateway.hasPrefix("wss://") {
            table.warning(
                "verify: false accepts any certificate: an attacker can steal the token; set tls.ca_file instead",
                at: "tls")
        }
    }
}

extension RunnerSettings.Engine: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("kind", .choice(Kind.allCases), into: &kind)
        if let written = table.read("url", .engineURL) {
            url = written
        } else if let standard = Self.standardURL(of: kind), !table.hasProblem(at: "url") {
            url = standard
        } else if table.lacks("url"), !table.hasProblem(at: "kind") {
            table.problem("is required; set the engine's URL, such as http://127.0.0.1:8000", at: "url")
        }
        table.list("command", of: .argument, into: &command)
        slots = table.read("slots", .integer(1...10_000))
        table.secret("api_key", .token, into: &apiKey)
        checkCommand(in: table)
    }

    /// The default URL of an engine of this kind.
    private static func standardURL(of kind: Kind) -> String? {
        switch kind {
        case .openAI: nil
        case .ollama: "http://127.0.0.1:11434"
        case .llamaServer: "http://127.0.0.1:8080"
        }
    }

    private func checkCommand(in table: SettingsTable) {
        if let base = SettingsValidation.withoutAPIPath(url), !table.hasProblem(at: "url") {
            table.warning(
                "ends in an API path, which the agent adds itself; use \(base)", at: "url")
        }
        guard let program = command.first else { return }
        if SettingsValidation.isMissing(program) {
            table.warning(SettingsValidation.missing(program), at: "command")
        }
        guard kind == .llamaServer else {
            return table.problem(
                "requires kind: llama-server; start \(kind.rawValue) with a service manager such as systemd",
                at: "command")
        }
        guard let address = try? WebAddress(url, allowingQuery: false), !table.hasProblem(at: "url") else { return }
        if let option = command.firstIndex(of: "--port"), option + 1 < command.count,
            address.port.map(String.init) ?? "80" != command[option + 1]
        {
            table.problem(
                "sets port \(command[option + 1]), but its url is \(url); use the same port in both",
                at: "command")
        }
    }
}

extension SettingsKind where Value == RunnerSettings.MAC {
    fileprivate static var macChoice: Self {
        .init("auto, none or AA:BB:CC:DD:EE:FF") { text throws(SettingsMismatch) in
            switch text {
            case "auto": return .automatic
            case "none": return .none
            default: return .address(try SettingsKind<MACAddress>.mac.read(text))
            }
        }
    }
}

extension SettingsKind where Value == String {
    /// An executable or one of its arguments. No shell is involved.
    fileprivate static var argument: Self {
        .init("an executable or an argument") { text throws(SettingsMismatch) in
            guard !text.unicodeScalars.contains("\0") else { throw .init("contains a NUL character; remove it") }
            return text
        }
    }

    fileprivate static var optionalEngineURL: Self {
        .init(engineURL.example) { text throws(SettingsMismatch) in
            text.isEmpty ? "" : try engineURL.read(text)
        }
    }

    /// The URL at which agents register; without a path, the protocol's path is added.
    fileprivate static var gatewayURL: Self {
        .init("a URL like ws://gateway.lan:8080") { text throws(SettingsMismatch) in
            let address = try WebAddress(text, schemes: ["ws", "wss"], allowingQuery: false)
            let path = address.path.isEmpty || address.path == "/" ? "/ws/runners" : address.path
            return "\(address.scheme)://\(address.authority)\(path)"
        }
    }
}
