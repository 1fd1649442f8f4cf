import SimpleAICore

/// Checks rules that involve several keys; rules of a single key are checked where it is read. Warnings are for
/// settings that work but are probably not intended.
struct SettingsValidation {
    let settings: Settings
    /// The positions of all values.
    let tree: SettingsNode
    let report: SettingsReport

    func check() {
        checkAuthentication()
        for (index, issuer) in settings.auth.issuers.enumerated() { check(issuer, at: .root["auth"]["issuers"][index]) }
        checkIssuersDiffer()
        checkDefaultClass()
        let served = modelsOfAllRunners
        for modelClass in settings.classes { check(modelClass, served: served) }
        checkRouting()
        checkPolicies()
        checkAliases(served: served)
        checkParameters(served: served)
        for (index, runner) in settings.runners.enumerated() { check(runner, at: .root["runners"][index]) }
        checkRunnersDiffer()
        checkFleet()
        checkAcrossSections()
    }

    /// - Parameter suggestion: the end of the message, computed only if the problem is listed.
    func problem(_ message: String, at path: SettingsPath, suggestion: (() -> String)? = nil) {
        report.problem(message, at: path, place: tree.place(of: path), suggestion: suggestion)
    }

    /// - Parameter suggestion: the end of the message, computed only if the warning is listed.
    func warning(_ message: String, at path: SettingsPath, suggestion: (() -> String)? = nil) {
        report.warning(message, at: path, place: tree.place(of: path), suggestion: suggestion)
    }
}

// MARK: - Authentication

extension SettingsValidation {
    private func checkAuthentication() {
        let auth = SettingsPath.root["auth"]
        switch settings.auth.mode {
        case .oidc where settings.auth.issuers.isEmpty && !report.hasProblem(at: auth["issuers"]):
            problem(
                "mode oidc needs at least one issuer; add one with its issuer and audience. Without an identity "
                    + "provider: `simpleai token init` creates a key for a home lab, and auth.mode: none serves "
                    + "this machine only", at: auth["issuers"])
        case .none where !HostName.isLoopback(settings.server.host):
            problem(
                "the value none would let every client that reaches \(settings.server.host) use the gateway; set server.host: 127.0.0.1, "
                    + "or auth.mode: oidc", at: auth["mode"])
        case .none where !settings.auth.issuers.isEmpty:
            warning("the value none disables authentication; the issuers are ignored", at: auth["mode"])
        case .oidc, .none:
            break
        }
    }

    private func check(_ issuer: Settings.Issuer, at path: SettingsPath) {
        // Keys from a file cannot be replaced in transit.
        let (fetched, key) =
            switch issuer.keys {
            case .discovery: (issuer.issuer, "issuer")
            case .url(let url): (url, "jwks_url")
            case .file: ("", "")
            }
        if !issuer.caFile.isEmpty, !fetched.lowercased().hasPrefix("https:") {
            warning("is ignored, because the keys are not fetched over TLS", at: path["tls"]["ca_file"])
        }
        // An invalid address is reported where it was read.
        guard let address = try? WebAddress(fetched, allowingQuery: true), address.isPlaintextToRemoteHost else {
            return
        }
        warning(
            "\(fetched) lacks TLS: an attacker on the network can replace the keys and forge tokens; use https",
            at: path[key])
    }

    private func checkIssuersDiffer() {
        for (index, first) in repetitions(in: settings.auth.issuers.map { ExactString($0.issuer) }) {
            problem(
                "repeats auth.issuers[\(first)]; use one entry with all audiences",
                at: .root["auth"]["issuers"][index]["issuer"])
        }
    }
}

// MARK: - Classes and routing

extension SettingsValidation {
    private func checkDefaultClass() {
        let path = SettingsPath.root["default_class"]
        let name = settings.defaultClass
        let names = settings.classes.map(\.name.rawValue)
        if names.contains(name.rawValue) || report.hasProblem(at: path) { return }
        if names.isEmpty, report.hasProblem(at: .root["classes"]) { return }
        if tree.hasValue(path) {
            let nearest = Spelling.nearest(to: name.rawValue, among: names).map { "did you mean \($0)?" }
            problem(
                "unknown class \(name); \(nearest ?? "use one of the names under classes, or add it there")", at: path)
        } else if names.isEmpty {
            let right = settings.auth.mode == .oidc ? ", which requires the role in specific_role" : ""
            warning("is empty: every call must name its model\(right)", at: .root["classes"])
        } else {
            problem(
                "defaults to \(name), which is not a class; set it to one of the names under classes, such as \(names[0])",
                at: path)
        }
    }

    /// - Parameter served: the models of all runners; nil if they are not all known.
    private func check(_ modelClass: Settings.ModelClass, served: Set<ModelID>?) {
        let path = SettingsPath.root["classes"][modelClass.name.rawValue]
        for (index, _) in repetitions(in: modelClass.models) {
            problem("lists \(modelClass.models[index]) twice; list it once", at: path)
        }
        guard let served else { return }
        for model in modelClass.models where !served.contains(model) {
            warning("no runner lists \(model); ", at: path) {
                longerName(of: model)
                    ?? Spelling.nearest(to: model.rawValue, among: served.map(\.rawValue).sorted())
                    .map { "did you mean \($0)?" } ?? "add it to a runner's models or aliases"
            }
        }
    }

    /// Suggests the shortest id that extends one without a tag (`llama3.2` for `llama3.2:3b`), and its runner.
    private func longerName(of model: ModelID) -> String? {
        let beginning = Array(model.rawValue.lowercased().utf8) + [UInt8(ascii: ":")]
        let names = settings.runners.flatMap { runner in
            (runner.models + runner.aliases.keys).map { (model: $0, runner: runner.id) }
        }
        return names.filter { $0.model.rawValue.lowercased().utf8.starts(with: beginning) }
            .min { ($0.model.rawValue.utf8.count, $0.model) < ($1.model.rawValue.utf8.count, $1.model) }
            .map { "\($0.runner) has \($0.model)" }
    }

    /// The models of all runners; nil if those of some runner are known only from its engine's list or its
    /// registration.
    var modelsOfAllRunners: Set<ModelID>? {
        guard !settings.runners.isEmpty, !settings.fleet.acceptsAgents,
            settings.runners.allSatisfy({ !$0.models.isEmpty })
        else { return nil }
        return settings.runners.reduce(into: []) {
            $0.formUnion($1.models)
            $0.formUnion($1.aliases.keys)
        }
    }

    private func checkRouting() {
        let classes = SettingsPath.root["routing"]["classes"]
        let names = settings.classes.map(\.name.rawValue)
        let known = Set(names.map { ExactString($0) })
        for name in tree.keys(of: classes) where !known.contains(ExactString(name)) {
            problem("unknown class; ", at: classes[name]) {
                Spelling.nearest(to: name, among: names).map { "did you mean \($0)?" }
                    ?? "add it to classes or remove it"
            }
        }
        let machineTypes = Set(settings.runners.map { ExactString($0.machineType) })
        for (name, types) in settings.routing.prefer.sorted(by: { $0.key < $1.key }) {
            for type in types where !machineTypes.contains(ExactString(type)) && !settings.fleet.acceptsAgents {
                warning("no runner has the machine_type \(type)", at: classes[name.rawValue]["prefer"])
            }
        }
        let machines = machineTypes.union(settings.runners.map { ExactString($0.id.rawValue) })
        for (name, together) in settings.routing.speculativeWake.sorted(by: { $0.key < $1.key }) {
            for machine in together where !machines.contains(ExactString(machine)) {
                warning(
                    "no runner in this file has the id or machine_type \(machine)",
                    at: classes[name.rawValue]["speculative_wake"])
            }
        }
    }
}

// MARK: - Policies

extension SettingsValidation {
    private func checkPolicies() {
        let policies = SettingsPath.root["policies"]
        let names = settings.classes.map(\.name.rawValue)
        for (index, grant) in settings.policies.enumerated() {
            for pattern in grant.classes where !names.contains(where: pattern.matches) {
                problem("unknown class \(pattern); ", at: policies[index]["classes"]) {
                    Spelling.nearest(to: pattern.text, among: names).map { "did you mean \($0)?" }
                        ?? "use one of the names under classes, or * for all of them"
                }
            }
        }
        if settings.auth.mode == .none, !settings.policies.isEmpty {
            warning("mode none makes every caller an admin; the policies are ignored", at: policies)
        }
    }
}

// MARK: - Runners

extension SettingsValidation {
    private func check(_ runner: Settings.StaticRunner, at path: SettingsPath) {
        for (index, _) in repetitions(in: runner.models) {
            problem("lists \(runner.models[index]) twice; list it once", at: path["models"])
        }
        if !runner.models.isEmpty {
            let models = Set(runner.models.map { ExactString($0.rawValue) })
            for (publicID, engineID) in runner.aliases.sorted(by: { $0.key < $1.key })
            where !models.contains(ExactString(engineID)) && !models.contains(ExactString(publicID.rawValue)) {
                problem(
                    "refers to \(engineID), which is not among this runner's models; add it there or correct the id",
                    at: path["aliases"][publicID.rawValue])
            }
        }
        check(runner.wake?.http, at: path["wake"]["http"])
        check(runner.sleep?.http, at: path["sleep"]["http"])
        if !runner.tls.verify, runner.url.hasPrefix("https://") {
            warning(
                "the value false accepts any certificate: an attacker on the network can read the calls; set tls.ca_file instead",
                at: path["tls"]["verify"])
        }
        if runner.wake != nil, !settings.wake.enabled {
            warning("is ignored, because wake.enabled is false", at: path["wake"])
        }
        checkSleep(of: runner, at: path)
    }

    private func check(_ hook: Settings.WebHook?, at path: SettingsPath) {
        guard let hook, let address = try? WebAddress(hook.url, allowingQuery: true), address.isPlaintextToRemoteHost
        else { return }
        warning(
            "is sent without TLS: an attacker on the network can read and use it; use https where possible", at: path)
    }

    /// The gateway puts no machine to sleep that it could not wake again.
    private func checkSleep(of runner: Settings.StaticRunner, at path: SettingsPath) {
        guard runner.sleep != nil else { return }
        if runner.wake == nil, !report.hasProblem(at: path["wake"]) {
            problem(
                "requires \(path["wake"]), because the machine could not be woken again; add \(path["wake"]) or remove "
                    + "\(path["sleep"])", at: path["sleep"])
        } else if !settings.wake.enabled {
            warning("is ignored, because wake.enabled is false", at: path["sleep"])
        }
    }

    private func checkRunnersDiffer() {
        let path = SettingsPath.root["runners"]
        for (index, first) in repetitions(in: settings.runners.map(\.id)) {
            problem(
                "\(settings.runners[index].id) is already the id of runners[\(first)]; give each runner its own id",
                at: path[index]["id"])
        }
        if settings.runners.isEmpty, !settings.fleet.acceptsAgents, !report.hasProblem(at: path) {
            warning("is empty: every call gets 503 until an agent joins", at: path)
        }
    }

    private func checkFleet() {
        let path = SettingsPath.root["fleet"]
        for runner in settings.runners where settings.fleet.tokens[runner.id] != nil {
            problem(
                "is the id of a runner in this file, so no agent can use it; rename one of them",
                at: path["tokens"][runner.id.rawValue])
        }
        // Agents of protocol version 1 may send heartbeats 30 s apart.
        if settings.fleet.runnerTimeout < .seconds(30), settings.fleet.acceptsAgents {
            warning(
                "\(settings.fleet.runnerTimeout.written) is less than the heartbeat tolerance of agents (30s); use 90s",
                at: path["runner_timeout"])
        }
    }

    /// Indices of repeated values, each with the index of the first occurrence. Empty texts are skipped: they are
    /// reported separately.
    private func repetitions<Value: Hashable & CustomStringConvertible>(
        in values: [Value]
    ) -> [(index: Int, first: Int)] {
        var firsts: [Value: Int] = [:]
        return values.indices.compactMap { index in
            guard !values[index].description.isEmpty else { return nil }
            guard let first = firsts[values[index]] else {
                firsts[values[index]] = index
                return nil
            }
            return (index, first)
        }
    }
}
