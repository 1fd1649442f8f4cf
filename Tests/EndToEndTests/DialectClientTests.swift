import Foundation
import Testing

/// Real clients of every dialect against a gateway in front of real and scripted engines (clients/dialect_fleet.py).
///
/// They run one after the other: each starts several processes, and the machine has few cores.
@Suite(.serialized, .enabled(if: Python.dialectClientsAreThere, Python.clientsMissing))
struct DialectClientTests {
    /// Which APIs the scripted engine serves: the client's own, or only the one that the gateway translates to.
    enum Engines: String, CaseIterable, CustomStringConvertible {
        case native = "chat responses messages"
        case translated = "chat"
        var description: String { self == .native ? "native" : "translated" }
        var arguments: [String] { ["--serves"] + rawValue.split(separator: " ").map(String.init) }
    }

    // MARK: Coding agents

    /// The machine sleeps and needs 60 s to boot; the engine sees each logical request once.
    @Test(arguments: Engines.allCases)
    func `Claude Code edits a file through a machine that has to boot`(engines: Engines) async throws {
        try await run("claude-code", "claude_code_client.py", engines.arguments + ["--boot", "60"], atLeast: 2)
    }

    @Test func `Codex edits a file through a machine that has to boot`() async throws {
        try await run("codex", "codex_client.py", ["--boot", "60"], atLeast: 3)
    }

    @Test func `clients that give up and try again while a machine boots reach the engine once`() async throws {
        try await run("openai-current", "retrying_client.py", ["--boot", "25"], atLeast: 3)
    }

    @Test func `streams of every API show signs of life while a machine boots`() async throws {
        try await run(nil, "waiting_client.py", ["--boot", "25"], atLeast: 5)
    }

    // MARK: Packages

    @Test(arguments: Engines.allCases)
    func `the anthropic package chats, streams, calls tools and raises its typed errors`(
        engines: Engines
    ) async throws {
        try await run("dialects", "anthropic_client.py", engines.arguments, atLeast: 15)
    }

    @Test(arguments: Engines.allCases)
    func `langchain-anthropic chats, streams, calls tools and raises typed errors`(engines: Engines) async throws {
        try await run("langchain-anthropic", "langchain_anthropic_client.py", engines.arguments, atLeast: 6)
    }

    @Test(arguments: [["ollama"], ["chat"]])
    func `the ollama package chats, generates, lists and raises its typed errors`(serves: [String]) async throws {
        try await run("dialects", "ollama_client.py", ["--serves"] + serves, atLeast: 13)
    }

    @Test func `the openai package responds, draws and lists what models can`() async throws {
        try await run("openai-current", "openai_dialect_client.py", ["--engines", "scripted", "pictures"], atLeast: 9)
    }

    // MARK: Pairs of the translations

    /// What DialectsTests compare the translations with is what the models of the clients' own packages accept.
    @Test(arguments: ["anthropic_pairs.py", "ollama_pairs.py"])
    func `the packages' own models accept both sides of each translated pair`(script: String) async throws {
        let checker = Repository.file("Tests/EndToEndTests/clients/\(script)").path
        let run = try await Program(Python.interpreter(of: "dialects"), [checker]).run(within: .seconds(120))
        #expect(run.code == 0, "\(run.text)")
    }

    // MARK: Voice

    @Test func `a sentence is spoken and comes back as words`() async throws {
        try await run("openai-current", "voice_client.py", ["--engines", "voice"], atLeast: 7)
    }

    @Test func `fifty large uploads at once wake one machine and leave the memory flat`() async throws {
        try await run(nil, "upload_crowd.py", ["--engines", "voice", "--boot", "20", "--slots", "4"], atLeast: 6)
    }

    // MARK: A real engine

    @Test func `llama.cpp's own messages, embeddings and reranking agree with translated answers`() async throws {
        try await run("dialects", "llama_client.py", ["--engines", "llama", "vectors"], atLeast: 8)
    }

    /// Runs a script of clients/ on a fleet of its own, and expects that its checks pass.
    ///
    /// - Parameter environment: its virtual environment; nil for scripts that need only the standard library.
    /// - Parameter checks: the number of checks at least, so that an emptied script fails.
    private func run(_ environment: String?, _ script: String, _ fleet: [String], atLeast checks: Int) async throws {
        let python = environment.map(Python.interpreter(of:)) ?? Python.path("python3")
        let client = Repository.file("Tests/EndToEndTests/clients/\(script)").path
        let run = try await Program.script(
            "Tests/EndToEndTests/clients/dialect_fleet.py",
            ["--binary", Repository.binary.path] + fleet + ["--", try #require(python).path, client]
        ).run(within: .seconds(400))
        let lines = run.output.split(separator: "\n")
        #expect(run.code == 0, "\(run.text)")
        #expect(lines.count { $0.hasPrefix("ok ") } >= checks, "\(run.text)")
        for failure in lines where failure.hasPrefix("FAILED ") { Issue.record("\(failure)") }
    }
}

extension Python {
    /// Virtual environments of the scripts of this suite, by their names in clients/environments.txt.
    static let dialectEnvironments = [
        "openai-current", "dialects", "langchain-anthropic", "claude-code", "codex", "voice",
    ]
    static let dialectClientsAreThere =
        Repository.has(".venv-real/model/all-minilm-l6-v2.gguf")
        && dialectEnvironments.allSatisfy { Repository.has(".venv-clients/\($0)/complete") }
}
