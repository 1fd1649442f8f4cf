import SimpleAICore

extension Key where Owner == Settings {
    /// Must be read after `wake`, which contains defaults for it.
    static var runners: Key {
        Key(
            "runners", \.runners, as: .sections(Settings.StaticRunner.self), default: { _ in .array([]) },
            "Static runners: your engines (Ollama, llama.cpp, LM Studio, vLLM, …) with an OpenAI-compatible API."
        ) { table, settings in
            settings.readRunners(from: &table)
        }
        .reporting { old, new, _ in old.runnerChanges(to: new) }
    }
}

extension Settings {
    fileprivate mutating func readRunners(from table: inout SettingsTable) {
        let keys = StaticRunner.keys(wakeDefaults: wake)
        table.tables("runners") { table in
            // An invalid entry is kept, so that indices match the file.
            var runner = StaticRunner.defaults
            runner.read(from: &table, keys)
            runners.append(runner)
        }
    }

    fileprivate func runnerChanges(to new: Settings) -> [SettingsChange] {
        let keys = StaticRunner.keys
        return (runners + new.runners).map(\.id).uniqued.flatMap { id -> [SettingsChange] in
            let (old, new) = (runners.first { $0.id == id }, new.runners.first { $0.id == id })
            if let old, let new { return keys.flatMap { $0.changes(old, new, "runners.\(id).") } }
            return [SettingsChange("runners.\(id)", from: old?.url, to: new?.url)]
        }
    }
}

extension Settings.StaticRunner: SettingsSection {
    static var defaults: Self { .init(id: "", url: "") }

    static var keys: [Key<Self>] { keys(wakeDefaults: .init()) }

    @KeyBuilder<Self> static func keys(wakeDefaults: Settings.Wake) -> [Key<Self>] {
        Key(
            "id", \.id, .runnerID, defaultNote: "host and port of the URL", "The runner's id in responses and logs.")
        Key(
            "url", \.url, .engineURL, required: "set the engine's URL, such as http://10.0.0.5:11434",
            "The engine's URL; a trailing /v1 makes no difference.")
        Key(
            "models", list: \.models, of: .model, defaultNote: "the list that the engine reports",
            "The models that it serves.")
        Key.aliases(\.aliases)
        Key("slots", \.slots, .integer(1...10_000), "The number of concurrent calls.")
        Key("weight", \.weight, .integer(1...1_000), "The weight against other runners of the same tier.")
        Key(
            "machine_type", \.machineType, .optionalName("a machine type"),
            "A name of your choice, for routing.classes.NAME.prefer.")
        Key(
            "stream_usage", \.streamUsage, .flag,
            "Whether the engine supports stream_options.include_usage; false for old engines.")
        Key(
            "endpoints", \.endpoints, as: .list(of: SettingsKind.endpoint), defaultNote: "learned from responses",
            shown: { $0.isEmpty ? "learned" : $0.map(\.name).uniqued.joined(separator: ", ") },
            "The only endpoints that the engine serves, such as [ chat/completions, embeddings, messages, api/chat ], or "
                + "their paths (/v1/embeddings)."
        ) { table, runner in
            guard let written = table.list("endpoints", of: .endpoint) else { return }
            let names = Set(written.map { ExactString($0.name) })
            runner.endpoints = Endpoint.allCases.filter { names.contains(ExactString($0.name)) }
        }
        Key(
            "messages", \.messages, .choice([.auto, .native, .translate]),
            "How calls to /v1/messages reach the engine: native (as they are), translate (as chat completions), or auto "
                + "(native, until the engine does not serve the endpoint or refuses a field).")
        Key.section("tls", \.tls, "For engines with https.")
        Key.secret("api_key", \.apiKey, .token, "The API key that the engine requires, if any.")
        Key(
            "headers", \.headers, as: .names(placeholder: "NAME", .value(SettingsKind.headerValue)),
            default: { _ in .object([]) },
            "Additional header fields for the engine or a proxy in front of it, such as { Authorization: \"Basic "
                + "${PROXY_LOGIN}\" }."
        ) { table, runner in
            runner.readHeaders(from: &table)
        }
        Key.section("probe", \.probe, "How the gateway probes the engine.")
        Key(
            "wake", \.wake, as: .section(Settings.WakeTarget.self),
            "How to wake the machine; omit it for a machine that is always on."
        ) { table, runner in
            var target = Settings.WakeTarget(macs: [], broadcast: wakeDefaults.broadcast, port: wakeDefaults.port)
            table.section("wake") { target.read(from: &$0) }
            if !target.macs.isEmpty || !target.command.isEmpty || target.http != nil { runner.wake = target }
        }
        .reporting { old, new, prefix in
            Settings.WakeTarget.keys.flatMap { key in
                key.changes(old.wake ?? .defaults, new.wake ?? .defaults, "\(prefix)wake.")
            }
        }
        Key(
            "sleep", \.sleep, as: .section(Settings.SleepTarget.self),
            "How the gateway puts the machine to sleep after `sleep.after` without a call; requires `wake`."
        ) { table, runner in
            var target = Settings.SleepTarget()
            table.section("sleep") { target.read(from: &$0) }
            if !target.command.isEmpty || target.http != nil { runner.sleep = target }
        }
        .reporting { old, new, prefix in
            Settings.SleepTarget.keys.flatMap { key in
                key.changes(old.sleep ?? .defaults, new.sleep ?? .defaults, "\(prefix)sleep.")
            }
        }
    }

    mutating func check(in table: SettingsTable) {
        if id.rawValue.isEmpty { id = RunnerID(Self.hostAndPort(of: url)) }
        if !apiKey.isEmpty, headers.contains(where: { $0.name.lowercased() == "authorization" }) {
            table.problem("contains Authorization, which api_key sets too; keep one of them", at: "headers")
        }
    }

    /// The id of a runner for which the file states none.
    private static func hostAndPort(of url: String) -> String {
        let parts = url.split(separator: "/", omittingEmptySubsequences: true)
        return parts.count > 1 ? String(parts[1]) : ""
    }

    /// Reads header fields. Values are secrets: `NAME: value`, or `NAME_file: path`.
    private mutating func readHeaders(from table: inout SettingsTable) {
        var fields: [Settings.HeaderField] = []
        table.names(in: "headers") { table, key in
            let name = key.hasSuffix("_file") ? String(key.dropLast("_file".count)) : key
            guard !fields.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
                if name == key { table.problem("lists a header twice; list it once", at: key) }
                return
            }
            do throws(SettingsMismatch) {
                _ = try SettingsKind<String>.runnerHeaderName.read(name)
            } catch {
                return table.problem(error.message, at: key)
            }
            guard let value = table.secret(name, .headerValue) else { return }
            fields.append(Settings.HeaderField(name: name, value: value))
        }
        headers = fields
    }
}

extension Settings.Probe: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key("path", \.path, .urlPath, "The path that is requested.")
        Key("every", \.every, .duration(from: .milliseconds(50)), "The interval of probes.")
        Key("timeout", \.timeout, .duration(from: .milliseconds(50)), "The timeout of a probe.")
    }
}

extension Settings.WakeTarget: SettingsSection {
    static var defaults: Self { .init(macs: []) }

    static var keys: [Key<Self>] {
        Key(
            "mac", oneOrMore: \.macs, of: .mac,
            "The MAC address, as AA:BB:CC:DD:EE:FF, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff; a list for several network cards."
        )
        Key("broadcast", \.broadcast, .host, defaultNote: "`wake.broadcast`", "The destination of the packet.")
        Key("port", \.port, .wakePort, defaultNote: "`wake.port`", "The UDP port of the packet.")
        Key.secret(
            "secure_on", \.secureOn, .secureOn, "The network card's SecureOn password, written like a MAC address.")
        Key.powerCommand(\.command, example: "[ipmitool, -H, 10.0.0.9, power, \"on\"]")
        Key.powerHook(\.http, example: "POST http://home.lan:8123/api/webhook/wake-gpu")
        Key(
            "relay", \.relay, .relay,
            "A helper on the machine's own network, for gateways in containers, such as 192.168.1.2:9999.")
    }

    /// An empty block counts as absent: the machine cannot be woken.
    func check(in table: SettingsTable) {
        // A program or a web hook needs no MAC address.
        let needsAddress = !table.isEmpty && !["command", "http", "http_file"].contains(where: table.hasValue)
        if needsAddress || table.hasValue("relay"), macs.isEmpty, !table.hasProblem(at: "mac") {
            table.problem("is required; set the machine's MAC address", at: "mac")
        }
        if Set(macs).count < macs.count { table.problem("lists an address twice; list it once", at: "mac") }
    }
}

extension Settings.SleepTarget: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key.powerCommand(\.command, example: "[ssh, -o, BatchMode=yes, gamer@10.0.0.7, suspend]")
        Key.powerHook(\.http, example: "POST http://home.lan:8123/api/webhook/suspend-gpu")
    }
}

extension Key {
    /// A program that changes a machine's power state. Its arguments may contain a password.
    fileprivate static func powerCommand(_ property: WritableKeyPath<Owner, [String]>, example: String) -> Key {
        Key(
            "command", list: property, of: .name("a program or an argument"), isSecret: true,
            "A program with its arguments, started without a shell, such as \(example).")
    }

    /// A web hook that changes a machine's power state. Its path or query may contain a password.
    fileprivate static func powerHook(
        _ property: WritableKeyPath<Owner, Settings.WebHook?>, example: String
    ) -> [Key] {
        Key.secret("http", property, .webHook, "A web hook, such as \(example); POST may be omitted.")
    }

    /// The ids that callers use for an engine's models.
    static func aliases(_ property: WritableKeyPath<Owner, [ModelID: String]>) -> Key {
        Key(
            "aliases", property,
            as: .names(placeholder: "MODEL", .value(SettingsKind<String>.name("a model id"))),
            default: { _ in .object([]) },
            shown: { aliases in aliases.map { "\($0.key): \($0.value)" }.sorted().joined(separator: ", ") },
            "Model ids that callers use, each with the engine's own id."
        ) { table, owner in
            table.names(in: "aliases") { table, name in
                let publicID = table.name(name, .model)
                if let engineID = table.required(name, .name("a model id"), "use the engine's own id of the model") {
                    owner[keyPath: property][publicID] = engineID
                }
            }
        }
    }
}

extension SettingsKind where Value == Endpoint {
    /// `chat/completions`, or the path `/v1/chat/completions`.
    fileprivate static var endpoint: Self {
        Self(Endpoint.allCases[0].name) { text throws(SettingsMismatch) in
            if let endpoint = Endpoint(written: text) { return endpoint }
            throw .init(unknownName(text, among: Endpoint.names))
        }
        .written(\.name)
    }
}

extension SettingsKind where Value == Int {
    /// A destination port, which cannot be 0, unlike a listening port.
    static var wakePort: Self { .integer(1...65_535) }
}
