import Settings
import SimpleAICore
import Testing

@testable import Installation

@Suite struct FoundEngineTests {
    private func engine(_ url: String) -> FoundEngine { FoundEngine(url: url, kind: .openAI, models: []) }

    @Test(arguments: [
        "http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/", "http://localhost:11434",
        "HTTP://LocalHost:11434/v1", "http://[::1]:11434", "http://127.0.0.1:11434",
    ])
    func `one engine has one entry, however its URL is written`(url: String) throws {
        let engines = FoundEngine.distinct([engine(url), engine("http://127.0.0.1:11434")])
        #expect(engines.count == 1)
        #expect(engines.first?.url == FoundEngine(url: url, kind: .openAI, models: []).url, "the named one stays")
        #expect(!(engines.first?.url.hasSuffix("/v1") ?? true) && !(engines.first?.url.hasSuffix("/") ?? true))
    }

    @Test(arguments: [
        ("http://h", "http://h:80"), ("https://h", "https://H:443/"), ("http://h:80/a", "http://h/a/v1"),
    ])
    func `default ports make no difference`(left: String, right: String) {
        #expect(FoundEngine.distinct([engine(left), engine(right)]).count == 1)
    }

    @Test(arguments: [
        ("http://h:1", "http://h:2"), ("http://h:1", "https://h:1"), ("http://h/a", "http://h/A"),
        ("http://10.0.0.1:1", "http://127.0.0.1:1"), ("x", "y"),
    ])
    func `different engines stay`(left: String, right: String) {
        #expect(FoundEngine.distinct([engine(left), engine(right)]).count == 2)
    }

    @Test func `engines that differ only in their path are valid settings`() throws {
        let engines = ["http://h:1/a", "http://h:1/b", "http://h:1/c"].map { engine($0) }
        let text = GatewayProposal(
            host: "127.0.0.1", port: 1, identity: .provider(issuer: "https://a.example", audience: "a"),
            engines: engines,
            classes: [], stateFolder: "")
        let loaded = try SettingsFile.parse(text.settings, name: "s", environment: [:])
        #expect(loaded.settings.runners.map(\.id.rawValue) == ["h:1", "h:1-2", "h:1-3"])
    }

    @Test func `an engine that requires a key is valid in both kinds of settings`() throws {
        let closed = FoundEngine(url: "http://h:1", kind: .openAI, models: [], requiresKey: true)
        let text = GatewayProposal(
            host: "127.0.0.1", port: 1, identity: .provider(issuer: "https://a.example", audience: "a"),
            engines: [closed], classes: [], stateFolder: ""
        ).settings
        #expect(try SettingsFile.parse(text, name: "s", environment: [:]).settings.runners.count == 1)
        #expect(text.contains("#api_key:"))
        let agent = RunnerProposal(
            gateway: "ws://g", id: "a", token: "t", port: 1, engines: [closed], stateFile: "./s"
        ).settings
        #expect(try RunnerSettingsFile.parse(agent, name: "r", environment: [:]).settings.engines.count == 1)
        #expect(agent.contains("#api_key:"))
    }

    @Test(arguments: [" lead:7b ", "lead:7b ", " ", "", "a\u{1B}[2J", "a\nb", "${X}"])
    func `a model that settings refuse is in no class`(id: String) {
        let engine = FoundEngine(url: "http://h", kind: .openAI, models: [.init(id: id), .init(id: "good:1b")])
        #expect(ClassProposal.classes(for: [engine]) == [.init(name: "fast", models: ["good:1b"])])
    }

    @Test func `names from an engine cannot affect the terminal`() {
        let engine = FoundEngine(
            url: "http://h", kind: .openAI, models: [.init(id: "a\u{1B}[2J"), .init(id: "b\nEngine forged")])
        #expect(engine.summary.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(engine.summary)")
    }
}
