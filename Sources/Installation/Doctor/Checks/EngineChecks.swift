import Settings
import SimpleAICore

/// The engines that the settings name: of the gateway's static runners, and of the runner agent.
enum EngineChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        let gateway = system.gateway?.engines ?? []
        let runner = system.runner?.engines ?? []
        return gateway.compactMap { finding(on: $0, Knowledge(of: $0, system.gateway)) }
            + runner.compactMap { finding(on: $0, Knowledge()) } + shared(gateway) + shared(runner)
            + sharedWithAgent(system) + loops(gateway, system.gateway?.document.content) + none(system)
    }

    /// Whether an engine of the settings has a fault.
    static func hasFinding(on runner: String, of gateway: SystemDescription.Gateway) -> Bool {
        gateway.engines.contains { $0.id.isExactly(runner) && finding(on: $0, Knowledge(of: $0, gateway)) != nil }
    }

    /// What is known of an engine besides its response.
    private struct Knowledge {
        /// Whether the settings state its models: then it needs no list.
        var hasStatedModels = false
        /// Whether requests to it have other credentials, which only the gateway sends.
        var hasHeaders = false
        /// Whether the gateway that runs sends calls to it.
        var isReady = false

        init() {}

        init(of engine: SystemDescription.EngineState, _ gateway: SystemDescription.Gateway?) {
            let runner = gateway?.document.content?.runners.first { $0.id.rawValue.isExactly(engine.id) }
            hasStatedModels = runner.map { !$0.models.isEmpty || !$0.aliases.isEmpty } ?? false
            hasHeaders = !(runner?.headers.isEmpty ?? true)
            isReady =
                gateway?.running?.machines?.contains {
                    $0.id.isExactly(engine.id) && $0.state.isExactly(RunnerState.ready.rawValue) && !$0.models.isEmpty
                } ?? false
        }
    }

    private static func finding(on engine: SystemDescription.EngineState, _ known: Knowledge) -> Finding? {
        let name = "the engine of \(engine.id) at \(engine.url)"
        switch engine.outcome {
        case .models(let models) where !models.isEmpty || known.hasStatedModels: return nil
        case .models:
            return Finding(
                "engine.no-models", "\(name) lists no model",
                fix: "load one, for example `ollama pull llama3.2`, or start the engine with --model")
        case .otherKind(let kind, let missing):
            return Finding(
                "engine.other-kind", "\(name) is not \(kind): it lacks \(missing)",
                fix: "set \(engine.key).kind: openai")
        // The gateway's own probes decide.
        case .noList where known.hasStatedModels || known.isReady: return nil
        case .noList:
            return Finding(
                "engine.no-list", "\(name) does not serve OpenAI's API: /v1/models returns no list of models",
                fix:
                    "correct \(engine.key).url; engines listen on 11434 (Ollama), 8080 (llama.cpp), 8000 (vLLM), 1234 (LM Studio)"
            )
        case .failed(let outcome): return failed(engine, name, outcome, known)
        }
    }

    private static func failed(
        _ engine: SystemDescription.EngineState, _ name: String, _ outcome: SystemDescription.HTTPOutcome,
        _ known: Knowledge
    ) -> Finding? {
        switch outcome {
        case .status(401), .status(403):
            guard !known.isReady, !known.hasHeaders else { return nil }
            return Finding(
                "engine.unauthorized", "\(name) refuses the gateway's credentials",
                fix: "set \(engine.key).api_key to the key of the engine")
        case .status(404), .status(405), .status(501):
            guard !known.hasStatedModels, !known.isReady else { return nil }
            return Finding(
                "engine.no-list", "\(name) has no /v1/models: another program listens there, or the path is wrong",
                fix: "correct \(engine.key).url; if it has no list, state its models: \(engine.key).models")
        case .status(let status):
            // It limits requests, as the gateway accepts.
            guard status != 429 else { return nil }
            return Finding(
                "engine.status", "\(name) returns status \(status)",
                fix: status == 503
                    ? "wait until its model is loaded; otherwise see its log" : "see the log of the engine")
        case .unknownHost:
            return Finding(
                "engine.unknown-host", "the host of \(name) cannot be resolved",
                fix: "correct \(engine.key).url, or use the IP address")
        case .untrusted(let reason):
            return Finding(
                "engine.untrusted", "the certificate of \(name) is not accepted: \(reason)",
                fix: "set \(engine.key).tls.ca_file to the authority's certificate")
        case .lacksTLS:
            return Finding(
                "engine.no-tls", "\(name) responds without TLS",
                fix: "use http:// in \(engine.key).url, or its TLS port")
        case .requiresTLS:
            return Finding("engine.no-tls", "\(name) requires TLS", fix: "use https:// in \(engine.key).url")
        case .refused:
            return Finding(
                "engine.refused", "\(name) does not run: the host is up, and no process listens on the port",
                fix:
                    "start it (systemctl start ollama); if it runs, let it listen on the network: OLLAMA_HOST=0.0.0.0, "
                    + "llama-server --host 0.0.0.0")
        case .silent:
            return Finding(
                "engine.hangs", "\(name) accepts connections, and sent no complete response in time",
                fix: "restart the engine; if it stays like this, see its log")
        case .timedOut, .noRoute:
            // A sleeping machine is what the gateway is for.
            guard !engine.canBeWoken else { return nil }
            if HostName.isLoopback(URLHost.of(engine.url) ?? "") {
                return Finding(
                    "engine.silent", "\(name) does not respond: a firewall drops packets within this machine",
                    fix: "allow connections on the interface lo")
            }
            return Finding(
                "engine.silent",
                "\(name) does not respond: its machine is off or asleep, or a firewall drops the packets",
                fix: "switch the machine on; set \(engine.key).wake.mac so that the gateway can wake it")
        case .notHTTP:
            return Finding(
                "engine.not-http", "\(name) does not speak HTTP: another kind of program listens there",
                fix: "correct \(engine.key).url; engines listen on 11434 (Ollama), 8080 (llama.cpp), 8000 (vLLM)")
        case .interrupted, .failed:
            return Finding(
                "engine.failed", "\(name) fails: \(outcome.explanation)", fix: "see the log of the engine")
        }
    }

    /// Two runners with one engine: its slots would be counted twice.
    private static func shared(_ engines: [SystemDescription.EngineState]) -> [Finding] {
        var first: [ExactString: SystemDescription.EngineState] = [:]
        var findings: [Finding] = []
        for engine in engines {
            let address = ExactString(address(of: engine.url))
            if let other = first[address] {
                findings.append(
                    Finding(
                        "engine.shared",
                        "\(engine.id) and \(other.id) are the same engine, \(engine.url): its slots count twice",
                        fix: "remove \(engine.key), or correct its url: two engines on one machine need two ports"))
            }
            first[address] = first[address] ?? engine
        }
        return findings
    }

    /// An engine of this machine that belongs to a static runner, and that the agent of this machine registers as well.
    private static func sharedWithAgent(_ system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let agent = system.runner?.document.content,
            gateway.running?.machines?.contains(where: { $0.isAgent && agent.id.rawValue.isExactly($0.id) }) ?? false
        else { return [] }
        let own = Set(system.runner?.engines.map { ExactString(address(of: $0.url)) } ?? [])
        return gateway.engines.filter { own.contains(ExactString(address(of: $0.url))) }.map { engine in
            Finding(
                "engine.shared",
                "\(engine.id) is an engine that the agent \(agent.id) registers as well, \(engine.url): its slots count twice",
                fix: "remove \(engine.key), or the engine from runner.yaml")
        }
    }

    /// A runner that is the gateway itself.
    private static func loops(_ engines: [SystemDescription.EngineState], _ settings: Settings?) -> [Finding] {
        guard let settings else { return [] }
        let own = ["127.0.0.1", "localhost", "[::1]", settings.server.host].map { "\($0):\(settings.server.port)" }
        return engines.filter { own.contains(address(of: $0.url)) }.map { engine in
            Finding(
                "engine.loop", "\(engine.key).url is the gateway itself: its calls would go round in circles",
                fix: "set the engine's own port, or another server.port")
        }
    }

    private static func none(_ system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let settings = gateway.document.content, settings.runners.isEmpty,
            !settings.fleet.acceptsAgents, !gateway.hasInvitedRunners, gateway.service?.isObservable ?? true
        else { return [] }
        return [
            Finding(
                "engine.none", "the gateway has no engine: no runner is configured, and none may register",
                fix: "add the engine under runners, or run `simpleai invite NAME` for a machine with an agent")
        ]
    }

    /// Host and port of a URL, in lower case.
    private static func address(of url: String) -> String {
        let lower = url.lowercased()
        let parts = lower.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.count >= 2 else { return lower }
        let host = String(parts[1]).replacing("localhost", with: "127.0.0.1")
        let hasPort =
            host.last != "]" && host.contains(":") && host.split(separator: ":").last.map { Int($0) != nil } ?? false
        return hasPort ? host : host + (lower.hasPrefix("https") ? ":443" : ":80")
    }
}
