import Foundation
import Settings
import SimpleAICore
import Testing

@testable import Installation

@Suite struct SetupTests {
    private static func engine(_ models: String..., url: String = "http://127.0.0.1:11434") -> FoundEngine {
        FoundEngine(url: url, kind: .ollama, models: models.map { .init(id: $0) })
    }

    /// The key set has to exist; its content does not matter here.
    private static let ownKey = GatewayProposal.Identity.ownKey(
        keySet: #filePath, issuer: "https://tokens.simpleai.internal", audience: "simpleai", algorithm: "ES256")

    private func proposal(
        _ engines: [FoundEngine], host: String = "127.0.0.1", identity: GatewayProposal.Identity = ownKey,
        stateFolder: String = "/var/lib/simpleai"
    ) -> GatewayProposal {
        GatewayProposal(
            host: host, port: 8080, identity: identity, engines: engines,
            classes: ClassProposal.classes(for: engines), stateFolder: stateFolder)
    }

    // MARK: Classes

    @Test(arguments: [
        ([], []),
        (["llama3.2:3b"], ["fast: llama3.2:3b"]),
        (["llama3:70b", "llama3:8b"], ["fast: llama3:8b", "big: llama3:70b"]),
        (["a:1b", "b:8b", "c:3b"], ["fast: b:8b c:3b a:1b"]),
        (["llama3:70b", "qwen:32b"], ["fast: qwen:32b", "big: llama3:70b qwen:32b"]),
        (["llama3:70b"], ["fast: llama3:70b", "big: llama3:70b"]),
        (["nomic-embed-text", "bge-m3", "whisper-1"], []),
        (["phi4", "nomic-embed-text"], ["fast: phi4"]),
        (["mixtral:8x7b", "Qwen2.5-0.5B-Instruct"], ["fast: Qwen2.5-0.5B-Instruct", "big: mixtral:8x7b"]),
    ])
    func `classes follow the sizes of the models`(models: [String], expected: [String]) {
        let engine = FoundEngine(url: "http://h:1", kind: .openAI, models: models.map { .init(id: $0) })
        let classes = ClassProposal.classes(for: [engine]).map { "\($0.name): \($0.models.joined(separator: " "))" }
        #expect(classes == expected)
    }

    @Test func `a model that two engines have is listed once`() {
        let classes = ClassProposal.classes(for: [
            Self.engine("m:1b"), Self.engine("m:1b", url: "http://10.0.0.2:8000"),
        ])
        #expect(classes == [.init(name: "fast", models: ["m:1b"])])
    }

    @Test(
        arguments: [
            ("llama3.1:8b-instruct-q4_K_M", 8), ("Qwen2.5-0.5B-Instruct", 0.5), ("mixtral-8x7b", 56),
            ("gemma-2-27b-it", 27),
            ("deepseek-r1:671b", 671), ("1e9b", nil), ("xb", nil), ("b", nil), ("phi4", nil), ("99999999b", nil),
        ] as [(String, Double?)])
    func `sizes are read from ids`(id: String, billions: Double?) {
        #expect(ModelSize.billions(of: .init(id: id)) == billions)
    }

    @Test func `the size in bytes counts if the id states none`() {
        #expect(ModelSize.billions(of: .init(id: "phi4", size: 9_000_000_000)).map { ($0).rounded() } == 15)
        #expect(ModelSize.billions(of: .init(id: "m:8b", size: 1)) == 8)
    }

    // MARK: The file

    @Test(arguments: ["127.0.0.1", "0.0.0.0", "::"])
    func `the settings are valid, and cause no warning`(host: String) throws {
        let engines = [
            Self.engine("llama3.2:latest", "llama3:70b"),
            FoundEngine(
                url: "http://192.168.1.7:8000", kind: .openAI, models: [.init(id: "a \"b\": \\n#"), .init(id: "${X}")],
                slots: 4),
        ]
        let text = proposal(engines, host: host).settings
        let loaded = try SettingsFile.parse(text, name: "s.yaml", environment: [:])
        #expect(loaded.warnings.isEmpty, "\(loaded.warnings)")
        #expect(loaded.settings.server.host == host)
        #expect(loaded.settings.runners.map(\.url) == ["http://127.0.0.1:11434", "http://192.168.1.7:8000"])
        #expect(loaded.settings.runners.last?.slots == 4)
        #expect(loaded.settings.classes.map(\.name) == ["fast", "big"])
        #expect(loaded.settings.classes.first?.models == ["a \"b\": \\n#", "llama3.2:latest"])
        #expect(loaded.settings.defaultClass == "fast")
        #expect(loaded.settings.keys.database == "/var/lib/simpleai/simpleai.db")
        #expect(loaded.settings.fleet.stateFile == "/var/lib/simpleai/simpleai-state.json")
    }

    @Test func `without an engine the settings are valid`() throws {
        let loaded = try SettingsFile.parse(
            proposal([], stateFolder: "").settings, name: "s.yaml", environment: [:])
        #expect(loaded.settings.runners.isEmpty && loaded.settings.classes.isEmpty)
        #expect(loaded.settings.keys.database == "./simpleai.db")
    }

    @Test func `an identity provider replaces the key`() throws {
        let provider = GatewayProposal.Identity.provider(issuer: "https://auth.example/realms/main", audience: "ai")
        let loaded = try SettingsFile.parse(
            proposal([], identity: provider).settings, name: "s.yaml", environment: [:])
        #expect(loaded.settings.auth.issuers.map(\.issuer) == ["https://auth.example/realms/main"])
    }

    @Test func `the agent's settings are valid, and cause no warning`() throws {
        let invitation = RunnerTokenText.makeInvitation()
        let proposal = RunnerProposal(
            gateway: "wss://gateway.example", id: "GPU-SERVER-1", token: invitation, port: 8081,
            engines: [
                Self.engine("m"), FoundEngine(url: "http://127.0.0.1:8090", kind: .llamaServer, models: [], slots: 2),
            ],
            stateFile: "/var/lib/simpleai-runner/state.json", sleepCommand: ["/bin/true", "a b"])
        let loaded = try RunnerSettingsFile.parse(proposal.settings, name: "r.yaml", environment: [:])
        #expect(loaded.warnings.isEmpty, "\(loaded.warnings)")
        #expect(loaded.settings.token == invitation)
        #expect(loaded.settings.id == "GPU-SERVER-1")
        #expect(loaded.settings.stateFile == "/var/lib/simpleai-runner/state.json")
        #expect(loaded.settings.engines.map(\.kind) == [.ollama, .llamaServer])
        #expect(loaded.settings.power.sleepCommand == ["/bin/true", "a b"])
    }

    @Test(arguments: [
        "plain", "true", "12", "a: b", "- x", "#", "\"", "\\", "${HOME}", "é", "a\nb", "\u{7}", "", " ", "0x10", "~",
        "null",
        "2026-01-01", "1e3", "@a", "%b", "[a]", "{a}",
    ])
    func `scalars are read as written`(text: String) throws {
        let yaml =
            "gateway: ws://127.0.0.1\nid: one\ntoken: t\nengines: [{kind: ollama}]\nname: \(YAMLText.scalar(text))\n"
        if text.contains("${") {
            // Settings expand it after parsing; setup refuses such values instead of hiding that.
            #expect(throws: SettingsError.self) { try RunnerSettingsFile.parse(yaml, name: "r", environment: [:]) }
        } else {
            let name = try RunnerSettingsFile.parse(yaml, name: "r", environment: [:]).settings.name
            #expect(name == (text.isEmpty ? "one" : text))
        }
    }

    // MARK: Files that exist

    @Test(
        arguments: [
            (nil, .replaceable), ("", .replaceable), (GatewayProposal.template, .replaceable),
            (GatewayProposal.templateLine + "\n", .commented),
            (GatewayProposal.template + "# mine\n", .commented),
            (GatewayProposal.templateLine + "\n\nserver:\n  host: 127.0.0.1\n", .commented),
            (GatewayProposal.template.replacing("8080", with: "9443"), .foreign),
            (GatewayProposal.template + "  max_body: 5MiB\n", .foreign),
            (GatewayProposal.template + "  tls: { certificate: c, key: k }\n", .foreign),
            (GatewayProposal.templateLine + "\nserver: { host: 127.0.0.1 }\nrunners: []\n", .foreign),
            (GatewayProposal.firstLine + "\nserver: {}\n", .ownFile), ("server: {}\n", .foreign),
            ("# hello\n", .foreign),
        ] as [(String?, ExistingSettings)])
    func `only unedited files of a package are replaced`(content: String?, expected: ExistingSettings) {
        #expect(
            ExistingSettings(
                content: content, template: GatewayProposal.templateLine, ownFirstLine: GatewayProposal.firstLine)
                == expected)
    }

    @Test(arguments: [
        ("deploy/etc/simpleai.yaml", GatewayProposal.template), ("deploy/etc/runner.yaml", RunnerProposal.template),
    ])
    func `the files of the package are known`(path: String, text: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        #expect(try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) == text)
    }

    @Test func `the line for a machine survives a shell`() {
        #expect(
            RunnerProposal.joinCommand(gateway: "ws://10.0.0.1:8080", id: "it's", token: "simpleai-join-x")
                == "simpleai setup --runner --gateway ws://10.0.0.1:8080 --id 'it'\\''s' --token simpleai-join-x")
        #expect(
            RunnerProposal.joinCommand(gateway: "ws://h", id: "-x", token: "simpleai-join-x")
                == "simpleai setup --runner --gateway ws://h --id=-x --token simpleai-join-x",
            "an id that begins with a hyphen is not an option")
        #expect(ShellText.option("--id", "--a'b") == "--id='--a'\\''b'")
        #expect(ShellText.word("$(rm)") == "'$(rm)'")
        #expect(ShellText.word("") == "''")
    }
}
