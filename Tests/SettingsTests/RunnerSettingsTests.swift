import Foundation
import SimpleAICore
import Testing

@testable import Settings

@Suite struct RunnerSettingsTests {
    /// Settings with all required keys. Texts appended to them begin at line 3.
    private static let minimal = """
        {gateway: ws://gateway.lan:8080, token: secret,
        engines: [{kind: ollama}]
        """

    private func settings(
        _ text: String, environment: [String: String] = [:], hostName: String = "box"
    ) throws -> RunnerSettings {
        let loaded = try RunnerSettingsFile.parse(text, name: "r.yaml", environment: environment, hostName: hostName)
        expectSchema(.runner, agreesAbout: text, problems: [], environment: environment)
        return loaded.settings
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try RunnerSettingsFile.parse(text, name: "r.yaml", environment: [:], hostName: "box")
            expectSchema(.runner, agreesAbout: text, problems: [])
            return []
        } catch {
            let problems = error.problems.map(\.description)
            expectSchema(.runner, agreesAbout: text, problems: problems)
            return problems
        }
    }

    @Test func defaults() throws {
        let settings = try settings(Self.minimal + "}")
        #expect(settings.gateway == "ws://gateway.lan:8080/ws/runners")
        #expect(settings.id == "box")
        #expect(settings.name == "box")
        #expect(settings.listen.host == "0.0.0.0")
        #expect(settings.listen.port == 8081)
        #expect(settings.mac == .automatic)
        #expect(settings.heartbeat == .seconds(15))
        #expect(settings.drain == .seconds(30))
        #expect(settings.engines == [.init(kind: .ollama, url: "http://127.0.0.1:11434")])
        #expect(settings.engines.first?.slots == nil)
    }

    @Test func everyKeyReachesItsProperty() throws {
        let settings = try settings(
            """
            gateway: wss://gateway.example/fleet
            token: s3cret
            id: gpu-1
            name: The big one
            machine_type: gpu-server
            listen: { host: "::1", port: 0 }
            base_url: http://proxy.lan/gpu-1/
            mac: aa-bb-cc-dd-ee-f0
            heartbeat: 20s
            drain: 2m
            engines:
              - { kind: openai, url: "http://127.0.0.1:8000/v1", slots: 8, api_key: sk }
              - { kind: llama-server, command: [llama-server, --port, "8080"] }
            aliases: { "llama3:8b": local-llama }
            power: { sleep_command: [systemctl, suspend], watts: 350 }
            tls: { verify: true }
            log: { level: debug, format: json }
            """)
        #expect(settings.gateway == "wss://gateway.example/fleet")
        #expect(settings.token == "s3cret")
        #expect(settings.id == "gpu-1")
        #expect(settings.name == "The big one")
        #expect(settings.machineType == "gpu-server")
        #expect(settings.listen.host == "::1")
        #expect(settings.listen.port == 0)
        #expect(settings.baseURL == "http://proxy.lan/gpu-1")
        #expect(settings.mac == .address(try #require(MACAddress("AA:BB:CC:DD:EE:F0"))))
        #expect(settings.heartbeat == .seconds(20))
        #expect(settings.drain == .seconds(120))
        var vLLM = RunnerSettings.Engine(kind: .openAI, url: "http://127.0.0.1:8000")
        vLLM.slots = 8
        vLLM.apiKey = "sk"
        var llama = RunnerSettings.Engine(kind: .llamaServer, url: "http://127.0.0.1:8080")
        llama.command = ["llama-server", "--port", "8080"]
        #expect(settings.engines == [vLLM, llama])
        #expect(settings.aliases == ["llama3:8b": "local-llama"])
        #expect(settings.power.sleepCommand == ["systemctl", "suspend"])
        #expect(settings.power.watts == 350)
        #expect(settings.log.level == .debug)
        #expect(settings.log.format == .json)
    }

    @Test func environmentReplacesSingleValues() throws {
        let environment = ["SIMPLEAI__LISTEN__PORT": "9000", "SIMPLEAI__ENGINES__0__SLOTS": "3"]
        let settings = try settings(Self.minimal + "}", environment: environment)
        #expect(settings.listen.port == 9000)
        #expect(settings.engines.first?.slots == 3)
    }

    @Test func tokenComesFromAFile() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "runner-token-\(UUID())")
        try "from-a-file\n".write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let settings = try settings(
            "{gateway: ws://g, token_file: \(file.path), engines: [{kind: ollama}]}")
        #expect(settings.token == "from-a-file")
    }

    @Test func reportsAllMissingKeysAtOnce() {
        #expect(
            problems("name: x\n") == [
                "r.yaml:1: gateway: is required; set the gateway's URL, such as ws://gateway.lan:8080",
                "r.yaml:1: token: is required; set the gateway's fleet.token, or its file as token_file",
                "r.yaml:1: engines: is required; add at least one `- kind: …`, "
                    + "one of [\"openai\", \"ollama\", \"llama-server\"]",
            ])
    }

    @Test(arguments: [
        (", mac: 00:00:00:00:00:00", "mac: 00:00:00:00:00:00 is not a unicast address"),
        (", mac: automatic", "mac: \"automatic\" is not a MAC address"),
        (", heartbeat: 5m", "heartbeat: \"5m\" is out of range"),
        (", sleep_command: [x]", "sleep_command: is unknown"),
        (", listn: {port: 1}", "listn: is unknown; did you mean `listen`?"),
        (", base_url: ftp://x", "base_url: is not a URL with the scheme http or https"),
        (", log: {access: none}", "log.access: is unknown"),
        (", power: {sleep_command: systemctl suspend}", "power.sleep_command: must be a list"),
    ])
    func invalidValuesAreReported(text: String, problem: String) {
        let found = problems(Self.minimal + text + "}")
        #expect(found.count == 1)
        #expect(found.first?.contains(problem) == true, "\(found)")
    }

    @Test(arguments: [
        ("{kind: openai}", "engines[0].url: is required"),
        ("{kind: olama}", "engines[0].kind: \"olama\" is not supported; use openai, ollama or llama-server: "),
        ("{kind: ollama, command: [ollama, serve]}", "engines[0].command: requires kind: llama-server"),
        ("{kind: ollama}, {url: \"http://127.0.0.1:11434/v1/\"}", "engines[1].url: is already the URL of engines[0]"),
        (
            "{kind: llama-server, command: [llama-server, --port, \"9\"]}",
            "engines[0].command: sets port 9, but its url is http://127.0.0.1:8080"
        ),
    ])
    func invalidEnginesAreReported(engines: String, problem: String) {
        let found = problems("{gateway: ws://g, token: t, engines: [\(engines)]}")
        #expect(found.count == 1)
        #expect(found.first?.contains(problem) == true, "\(found)")
    }

    @Test func theGatewayURLRequiresAWebSocketScheme() {
        let found = problems("{gateway: \"http://gateway.lan:8080\", token: t, engines: [{kind: ollama}]}")
        #expect(found == ["r.yaml:1: gateway: is not a URL with the scheme ws or wss; begin with ws:// or wss://"])
    }

    @Test func secretsAreNotQuoted() {
        let found = problems("{gateway: ws://g, token: \"top secret\", engines: [{kind: ollama}]}")
        #expect(found.count == 1)
        #expect(found.first?.contains("top") == false)
    }

    @Test func unverifiedCertificatesCauseAWarning() throws {
        let text = "{gateway: wss://g, token: t, engines: [{kind: ollama}], tls: {verify: false}}"
        let loaded = try RunnerSettingsFile.parse(text, name: "r.yaml", environment: [:])
        #expect(loaded.warnings.map(\.key) == ["tls"])
    }

    @Test(arguments: [
        (
            "ws://g", "{kind: llama-server, command: [no-such-program-here]}", "",
            "engines[0].command: the program \"no-such-program-here\" does not exist"
        ),
        (
            "ws://g", "{kind: ollama}", ", power: {sleep_command: [/nowhere/suspend]}",
            "power: the program \"/nowhere/suspend\" does not exist"
        ),
        (
            "ws://g", "{kind: openai, url: 'http://127.0.0.1:9/v1/chat/completions'}", "",
            "engines[0].url: ends in an API path, which the agent adds itself; use http://127.0.0.1:9"
        ),
        (
            "ws://gateway.lan", "{kind: ollama}", ", listen: {host: 127.0.0.1}",
            "listen: 127.0.0.1 is reachable from this machine only, and the gateway is gateway.lan"
        ),
    ])
    func probableMistakesCauseWarnings(gateway: String, engine: String, more: String, expected: String) throws {
        let text = "{gateway: \"\(gateway)\", token: t, engines: [\(engine)]\(more)}"
        let found = try RunnerSettingsFile.parse(text, name: "r.yaml", environment: [:]).warnings.map(\.description)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("r.yaml:1: \(expected)") == true, "\(found)")
    }

    @Test func distinguishesFiles() {
        #expect(isRunnerFile(Self.minimal + "}"))
        #expect(!isRunnerFile("auth: {mode: none}\n"))
    }

    private func isRunnerFile(_ text: String) -> Bool {
        RunnerSettingsFile.isRunnerFile(text, name: "runner.yaml", environment: [:])
    }
}

/// `runner.example.yaml` contains every key, with its default.
@Suite struct RunnerExampleTests {
    private let example: String
    private let everyKey: String

    init() throws {
        let file = try ExampleFile(.runner)
        (example, everyKey) = (file.text, file.everyKey)
    }

    @Test func exampleLoadsWithoutWarnings() throws {
        let loaded = try RunnerSettingsFile.parse(
            example, name: "runner.example.yaml", environment: ["RUNNER_TOKEN": "s3cret"])
        // The program that it starts need not be installed on the machine that runs the test.
        #expect(loaded.warnings.filter { !$0.message.contains("does not exist or is not executable") } == [])
        #expect(loaded.settings.token == "s3cret")
        #expect(loaded.settings.engines.map(\.kind) == [.ollama, .llamaServer])
    }

    /// A commented line shows the default; the third engine is only an example.
    @Test func commentedKeysShowTheirDefaults() throws {
        let plain = try RunnerSettingsFile.parse(example, name: "example", environment: [:])
        var full = try RunnerSettingsFile.parse(everyKey, name: "example", environment: [:]).settings
        #expect(full.engines.popLast()?.kind == .openAI)
        #expect(full == plain.settings)
    }
}
