import SimpleAICore

extension RunnerSettings: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "gateway", \.gateway, .gatewayURL, required: "set the gateway's URL, such as ws://gateway.lan:8080",
            "The gateway's URL: ws://, or wss:// behind a proxy with TLS.")
        Key.secret(
            "token", \.token, .token, defaultNote: "*required*, or `token_file`",
            "An invitation from `simpleai invite`, the gateway's fleet.token, or this machine's own entry of fleet.tokens."
        )
        Key(
            "id", \.id, .agentID, defaultNote: "the host name", "The machine's id at the gateway, unique in the fleet.")
        Key("name", \.name, .text, defaultNote: "the id", "The name shown to people in lists.")
        Key(
            "machine_type", \.machineType, .optionalName("a machine type"),
            "The machine type, for routing.classes.NAME.prefer of the gateway.")
        Key.section("listen", "The address on which the agent accepts the gateway's calls.") {
            Key("host", \.listen.host, .host, "An address of this machine; 0.0.0.0: every IPv4 network.")
            Key(
                "port", \.listen.port, .integer(0...65_535),
                "The port to listen on; 0: any free port, which the agent reports to the gateway.")
        }
        Key(
            "base_url", \.baseURL, .optionalEngineURL,
            "The URL of this machine, if the gateway reaches it at another address than it connects from (proxy or NAT)."
        )
        Key("mac", \.mac, .macChoice, "The MAC address for magic packets.")
        Key(
            "heartbeat", \.heartbeat, .duration(from: .milliseconds(100), to: .seconds(60)),
            "The interval of heartbeats to the gateway.")
        Key("drain", \.drain, .duration(), "After SIGTERM, calls in progress get this long to finish.")
        Key(
            "engines", \.engines, as: .sections(Engine.self), isRequired: true,
            "The engines on this machine: at least one."
        ) { table, settings in
            settings.readEngines(from: &table)
        }
        Key.aliases(\.aliases)
        Key(
            "state_file", \.stateFile, .name("a path"),
            "The file for this machine's own token, which replaces an invitation in `token`.")
        Key.section("power", "The power of this machine.") {
            Key(
                "sleep_command", list: \.power.sleepCommand, of: .argument,
                "The command that puts this machine to sleep when the gateway requests it (sleep.after); empty: the agent "
                    + "refuses.")
            Key(
                "watts", \.power.watts, .integer(0...100_000),
                "The power consumption of the awake machine in watts, which the agent reports to the gateway; 0: unknown."
            )
        }
        Key.section("tls", \.tls, "For wss:// with your own certificate authority.")
        Key.section("log", \.log, "The log of the agent.")
    }

    func check(in table: SettingsTable) {
        if token.isEmpty, !table.hasProblem(at: "token"), !table.hasProblem(at: "token_file") {
            table.problem("is required; set the gateway's fleet.token, or its file as token_file", at: "token")
        }
        if engines.isEmpty, !table.hasProblem(at: "engines") {
            table.problem(
                "is required; add at least one `- kind: …`, one of \(Engine.Kind.allCases.map(\.rawValue))",
                at: "engines")
        }
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

    private mutating func readEngines(from table: inout SettingsTable) {
        let keys = Engine.keys
        var places: [ExactString: Int] = [:]
        table.tables("engines") { table in
            let index = engines.count
            var engine = Engine.defaults
            engine.read(from: &table, keys)
            engines.append(engine)
            guard !engine.url.isEmpty else { return }
            if let first = places[ExactString(engine.url)] {
                table.problem("is already the URL of engines[\(first)]; list each engine once", at: "url")
            }
            places[ExactString(engine.url)] = places[ExactString(engine.url)] ?? index
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
    static var defaults: Self { .init(kind: .openAI, url: "") }

    static var keys: [Key<Self>] {
        Key(
            "kind", \.kind, .choice(Kind.allCases),
            "ollama: the agent lists, loads and unloads its models; llama-server: llama.cpp's server, which the agent can "
                + "start; openai: any other engine with OpenAI's API.")
        Key(
            "url", \.url, .engineURL, defaultNote: "depends on the kind",
            "The engine's URL.")
        Key(
            "command", list: \.command, of: .argument,
            "With a command the agent starts it, restarts it when it exits, and stops it when the agent stops; without one "
                + "the agent only monitors it.")
        Key(
            "slots", optional: \.slots, .integer(1...10_000), defaultNote: "what the engine reports, else 1",
            "The number of concurrent calls.")
        Key.secret("api_key", \.apiKey, .token, "The API key that the engine requires, if any.")
    }

    mutating func check(in table: SettingsTable) {
        if url.isEmpty, !table.hasProblem(at: "url") {
            if let standard = Self.standardURL(of: kind) {
                url = standard
            } else if table.lacks("url"), !table.hasProblem(at: "kind") {
                table.problem("is required; set the engine's URL, such as http://127.0.0.1:8000", at: "url")
            }
        }
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
        Self("auto, none or AA:BB:CC:DD:EE:FF", form: .pattern("^(auto|none)$|" + macPattern)) {
            text throws(SettingsMismatch) in
            switch text {
            case "auto": return .automatic
            case "none": return .none
            default: return .address(try SettingsKind<MACAddress>.mac.read(text))
            }
        }
        .written { mac in
            switch mac {
            case .automatic: "auto"
            case .none: "none"
            case .address(let address): address.description
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
        .init(engineURL.example, form: .pattern("^$|" + webAddressPattern)) { text throws(SettingsMismatch) in
            text.isEmpty ? "" : try engineURL.read(text)
        }
    }

    /// The URL at which agents register; without a path, the protocol's path is added.
    fileprivate static var gatewayURL: Self {
        .init("a URL like ws://gateway.lan:8080", form: .pattern("^[Ww][Ss][Ss]?://")) {
            text throws(SettingsMismatch) in
            let address = try WebAddress(text, schemes: ["ws", "wss"], allowingQuery: false)
            let path = address.path.isEmpty || address.path == "/" ? "/ws/runners" : address.path
            return "\(address.scheme)://\(address.authority)\(path)"
        }
    }
}
