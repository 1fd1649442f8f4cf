import Settings
import SimpleAICore

@testable import Installation

extension PlantedFault {
    private static func engine(
        _ description: String, _ check: String, _ outcome: SystemDescription.EngineState.Outcome, _ parts: String...
    ) -> PlantedFault {
        PlantedFault(description, check) { system in
            system.gateway?.engines[0].outcome = outcome
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
        engine(
            "an engine that does not speak HTTP", "engine.failed", .failed(.failed("it closed the connection")), "log"),
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
            system.gateway?.hasInvitedRunners = false
        },
        PlantedFault("a class that no machine serves", "class.unserved", "class:fast", "llama3.2", "qwen3:8b") {
            system in
            system.gateway?.running?.machines?[0].models = ["mistral:7b"]
            system.gateway?.engines[0].outcome = .models(["mistral:7b"])
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
        PlantedFault("a machine that stays awake", "machine.sleep-problem", "exited with code 1") {
            $0.gateway?.running?.machines?[2].sleepProblem = "the sleep command exited with code 1"
        },
        PlantedFault("a magic packet that is lost", "wake.packet-lost", "255.255.255.255:9", "192.168.1.255") {
            $0.gateway?.packet = .lost
        },
        PlantedFault("a magic packet that cannot be sent", "wake.packet-failed", "Network is unreachable") {
            $0.gateway?.packet = .failed("Network is unreachable")
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
