import Settings
import SimpleAICore

@testable import Installation

extension PlantedFault {
    private static func engine(
        _ description: String, _ check: String, _ outcome: SystemDescription.EngineState.Outcome, _ parts: String...
    ) -> PlantedFault {
        PlantedFault(description, check) { system in
            system.gateway?.engines[0].outcome = outcome
            // As the gateway's own probe finds it.
            system.gateway?.running?.machines?[0].state = "down"
        }.expecting(["the engine of gpu at http://10.0.0.5:11434"] + parts)
    }

    private func expecting(_ parts: [String]) -> PlantedFault {
        PlantedFault(testDescription: testDescription, check: check, parts: parts, plant: plant)
    }

    private init(
        testDescription: String, check: String, parts: [String],
        plant: @escaping @Sendable (inout SystemDescription) throws -> Void
    ) {
        self.testDescription = testDescription
        self.check = check
        self.parts = parts
        self.plant = plant
    }

    static let engines: [PlantedFault] = [
        engine("an engine that does not run", "engine.refused", .failed(.refused), "OLLAMA_HOST=0.0.0.0"),
        engine("an engine whose host is unknown", "engine.unknown-host", .failed(.unknownHost), "runners[0].url"),
        engine("an engine that wants a key", "engine.unauthorized", .failed(.status(401)), "runners[0].api_key"),
        engine("a web server in place of an engine", "engine.no-list", .failed(.status(404)), "runners[0].url"),
        engine("a page in place of a list of models", "engine.no-list", .noList, "11434 (Ollama)"),
        engine("an engine without a model", "engine.no-models", .models([]), "ollama pull"),
        engine("an engine that still loads", "engine.status", .failed(.status(503)), "wait until"),
        engine("an engine of an unknown authority", "engine.untrusted", .failed(.untrusted("expired")), "tls.ca_file"),
        engine("a machine that is off and cannot be woken", "engine.silent", .failed(.timedOut), "runners[0].wake.mac"),
        engine("an engine that closes its connections", "engine.failed", .failed(.interrupted), "before the end"),
        engine("a program that does not speak HTTP", "engine.not-http", .failed(.notHTTP), "runners[0].url"),
        engine("an engine that hangs", "engine.hangs", .failed(.silent), "restart the engine"),
        engine("an engine without TLS", "engine.no-tls", .failed(.lacksTLS), "use http://"),
        engine("an engine with TLS", "engine.no-tls", .failed(.requiresTLS), "use https://"),
        PlantedFault("a firewall within this machine", "engine.silent", "the interface lo") { system in
            system.gateway?.engines[0].url = "http://127.0.0.1:11434"
            system.gateway?.engines[0].outcome = .failed(.timedOut)
            system.runner = nil
        },
        PlantedFault("an engine that the agent registers as well", "engine.shared", "the agent desk", "runners[0]") {
            system in
            system.gateway?.engines[0].url = "http://localhost:11434"
        },
        PlantedFault("an engine of another kind", "engine.other-kind", "not Ollama", "engines[0].kind: openai") {
            $0.runner?.engines[0].outcome = .otherKind("Ollama", missing: "/api/tags")
        },
        PlantedFault("two engines on one port", "engine.shared", "gpu", "lab", "runners[1]") { system in
            system.gateway?.engines[1].url = "http://10.0.0.5:11434/v1"
        },
        PlantedFault("a gateway that is its own engine", "engine.loop", "runners[0].url", "circles") { system in
            system.gateway?.engines[0].url = "http://localhost:8080"
        },
        PlantedFault("no engine at all", "engine.none", "simpleai invite") { system in
            system.gateway?.document = try HealthySystem.settings(
                "auth: { issuers: [ { issuer: \"https://issuer.example\", audience: a } ] }")
            system.gateway?.engines = []
            system.gateway?.running?.machines = []
            system.gateway?.hasInvitedRunners = false
        },
        PlantedFault("a class that no machine serves", "class.unserved", "class:fast", "llama3.2", "qwen3:8b") {
            system in
            system.gateway?.running?.machines?[0].models = ["mistral:7b"]
            system.gateway?.engines[0].outcome = .models(["mistral:7b"])
        },
    ]

    static let models: [PlantedFault] = [
        PlantedFault("a class with a model that no machine has", "class.missing-member", "qwen3:80b", "classes.fast") {
            system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("[\"llama3.2\"]", with: "[\"llama3.2\", \"qwen3:80b\"]"))
        },
        PlantedFault("a model of the settings that its engine lacks", "engine.lacks-model", "phi9", "runners[0].models")
        {
            system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("id: gpu,", with: "id: gpu, models: [llama3.2, phi9],"))
        },
        PlantedFault("an alias of a model that its engine lacks", "engine.lacks-model", "phi9", "aliases.phi") {
            system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("id: gpu,", with: "id: gpu, aliases: { phi: phi9 },"))
        },
        PlantedFault("an agent's alias of a model that it lacks", "engine.lacks-model", "phi9", "aliases.phi") {
            system in
            system.runner?.document = try HealthySystem.runnerSettings(
                HealthySystem.runnerText + "\naliases: { phi: phi9 }")
        },
    ]

    static let machines: [PlantedFault] = [
        PlantedFault("an ejected runner", "machine.ejected", "gpu") {
            $0.gateway?.running?.machines?[0].isEjected = true
        },
        PlantedFault("a wake that failed", "machine.wake-failed", "simpleai wake lab --wait") {
            $0.gateway?.running?.machines?[1].lastWakeFailed = true
        },
        PlantedFault("a sleeping machine that cannot be woken", "machine.down", "lab", "`wake` block") {
            $0.gateway?.running?.machines?[1].canBeWoken = false
        },
        PlantedFault("an agent that is not connected", "machine.down", "desk", "systemctl start simpleai-runner") {
            $0.gateway?.running?.machines?[2].state = "asleep"
        },
        PlantedFault("an agent that stays disconnected", "machine.down", "desk", "systemctl start simpleai-runner") {
            $0.gateway?.running?.machines?[2].state = "lost"
        },
        PlantedFault("a machine whose wake failed", "machine.wake-failed", "simpleai wake lab --wait") {
            $0.gateway?.running?.machines?[1].state = "wake_failed"
        },
        PlantedFault("a machine without its engine", "machine.engine-down", "simpleai doctor` on desk") {
            $0.gateway?.running?.machines?[2].state = "down"
        },
        PlantedFault("a machine of which nothing is known", "machine.unknown", "desk", "start its agent") {
            $0.gateway?.running?.machines?[2].state = "unknown"
        },
        PlantedFault("a machine that stays awake", "machine.sleep-problem", "exited with code 1") {
            $0.gateway?.running?.machines?[2].sleepProblem = "the sleep command exited with code 1"
        },
        PlantedFault("a magic packet that is lost", "wake.packet-lost", "255.255.255.255:9", "192.168.1.255") {
            $0.gateway?.wakePackets[0].outcome = .lost
        },
        PlantedFault("a magic packet that cannot be sent", "wake.packet-failed", "Network is unreachable") {
            $0.gateway?.wakePackets[0].outcome = .failed("Network is unreachable")
        },
        PlantedFault("a packet to a runner's own address", "wake.packet-failed", "set runners[1].wake.broadcast") {
            $0.gateway?.wakePackets.append(
                .init(
                    destination: "10.9.9.255:9", key: "runners[1].wake.broadcast",
                    outcome: .failed("Network is unreachable")))
        },
    ]

    static let services: [PlantedFault] = [
        PlantedFault("a failed unit", "service.failed", "journalctl -u simpleai.service") {
            $0.gateway?.service?.activity = "failed"
        },
        PlantedFault("a unit that is stopped", "service.stopped", "systemctl start simpleai.service") {
            $0.gateway?.service?.activity = "inactive"
        },
        PlantedFault("a unit that does not start at boot", "service.disabled", "systemctl enable") {
            $0.gateway?.service?.isEnabled = false
        },
        PlantedFault("a gateway that does not respond", "service.silent", "systemctl restart") {
            $0.gateway?.running = nil
        },
        PlantedFault("an upgrade without a restart", "version.differs", "version 1.1.0", "systemctl restart simpleai") {
            $0.gateway?.running?.version = "1.1.0"
        },
        PlantedFault("a user who cannot see the service's files", "service.not-observable", "sudo simpleai doctor") {
            $0.gateway?.service?.isObservable = false
        },
        PlantedFault("another gateway on the port", "gateway.other", "the process 12 uses", "server.port") {
            $0.gateway?.running?.difference = "the process 12 uses /opt/lab/simpleai.yaml"
        },
        PlantedFault("settings that were not reloaded", "settings.not-loaded", "does not know lab", "still has old") {
            $0.gateway?.running?.machines?[1].id = "old"
        },
        PlantedFault("a token of no administrator", "token.not-administrator", "status 403", "--role admin") {
            $0.gateway?.running?.machines = nil
            $0.gateway?.running?.tokenRefusal = 403
        },
        PlantedFault("a gateway that accepts no calls", "gateway.not-ready", "no key of any issuer") {
            $0.gateway?.running?.isReady = false
        },
    ]

    static let runner: [PlantedFault] = [
        PlantedFault("no settings of the agent", "settings.missing", "simpleai setup --runner") { system in
            system.runner = .init(document: .missing(["./runner.yaml"]))
        },
        PlantedFault("the example's token", "settings.placeholder", "simpleai invite") { system in
            system.runner?.document = try HealthySystem.runnerSettings(
                "{gateway: \"wss://gateway.example\", token: change-me, id: desk, engines: [{kind: ollama}]}")
        },
        PlantedFault("a gateway that is switched off", "runner.gateway-refused", "server.host: 0.0.0.0") {
            $0.runner?.gateway = .refused
        },
        PlantedFault("a gateway behind a firewall", "runner.gateway-unreachable", "did not respond in time") {
            $0.runner?.gateway = .timedOut
        },
        PlantedFault("a web server in place of the gateway", "runner.no-gateway", "status 404") {
            $0.runner?.gateway = .status(404)
        },
        PlantedFault("a web server that has a /health", "runner.no-gateway", "another program responds") {
            $0.runner?.isGateway = false
        },
        PlantedFault("a token that the gateway refuses", "runner.refused", "Invalid token.", "simpleai invite desk") {
            $0.runner?.refusal = "Invalid token."
        },
        PlantedFault("a gateway of an unknown authority", "runner.gateway-untrusted", "tls.ca_file") {
            $0.runner?.gateway = .untrusted("self-signed certificate")
        },
        PlantedFault("an invitation that was not used", "runner.not-registered", "simpleai invite desk") {
            $0.runner?.hasRegistered = false
        },
        PlantedFault("a connection without encryption", "runner.plain-websocket", "wss://") { system in
            system.runner?.document = try HealthySystem.runnerSettings(
                HealthySystem.runnerText.replacing("wss://gateway.example", with: "ws://gateway.lan:8080"))
        },
        PlantedFault("an agent whose clock differs", "clock.skew", "61 s ahead of the gateway's") {
            $0.runner?.clockDifference = -61
        },
        PlantedFault("a gateway of another version", "version.differs", "2.0.0") {
            $0.runner?.gatewayVersion = "2.0.0"
        },
        PlantedFault("an agent's port that is taken", "port.taken", "0.0.0.0:8081", "listen.port") {
            $0.runner?.listener = .taken(by: nil)
        },
        PlantedFault("a machine without a hardware address", "runner.no-mac", "mac: none") {
            $0.runner?.hasHardwareAddress = false
        },
        PlantedFault("Wake-on-LAN that is off", "runner.wake-on-lan-off", "ethtool -s enp3s0 wol g") {
            $0.runner?.wakeOnLAN = .disabled(interface: "enp3s0")
        },
        PlantedFault("a card without Wake-on-LAN", "runner.wake-on-lan-unsupported", "wlan0") {
            $0.runner?.wakeOnLAN = .unsupported(interface: "wlan0")
        },
        PlantedFault("a program that is not installed", "runner.missing-program", "engines[0].command", "llama-server")
        {
            $0.runner?.missingPrograms = [.init(key: "engines[0].command", program: "llama-server")]
        },
        PlantedFault("an agent's engine that does not run", "engine.refused", "http://127.0.0.1:11434") {
            $0.runner?.engines[0].outcome = .failed(.refused)
        },
        PlantedFault("an agent's token that all can read", "files.exposed-secret", "/var/lib/simpleai-runner") {
            $0.runner?.files[1].access?.mode = 0o644
        },
    ]
}
