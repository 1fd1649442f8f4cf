import Foundation
import Testing

/// Real clients against a gateway in front of two real llama.cpp servers (scripts/real-fleet).
///
/// They run one after the other: each uses two engines, and the machine has few cores.
@Suite(.serialized, .enabled(if: Python.clientsAreThere, Python.clientsMissing))
struct RealClientTests {
    @Test(arguments: Python.clientEnvironments)
    func `the openai package chats, streams, lists and raises its typed errors`(environment: String) async throws {
        let client = Repository.file("Tests/EndToEndTests/clients/openai_client.py").path
        let run = try await Program.script(
            "scripts/real-fleet",
            ["--binary", Repository.binary.path, "--", Python.interpreter(of: environment).path, client]
        ).run(within: .seconds(300))
        let checks = run.output.split(separator: "\n")
        #expect(run.code == 0, "\(run.text)")
        #expect(checks.count { $0.hasPrefix("ok ") } >= 10, "\(run.text)")
        for failure in checks where failure.hasPrefix("FAILED ") { Issue.record("\(failure)") }
    }

    /// Each client's typical calls: a chat, a stream, and the errors that its users handle.
    @Test(arguments: [
        ("langchain", "langchain_client.py"), ("instructor", "instructor_client.py"),
        ("pydantic-ai", "pydantic_ai_client.py"), ("llm", "llm_client.py"),
    ])
    func `clients that are built on it chat, stream and raise typed errors`(
        environment: String, script: String
    ) async throws {
        let client = Repository.file("Tests/EndToEndTests/clients/\(script)").path
        let run = try await Program.script(
            "scripts/real-fleet",
            ["--binary", Repository.binary.path, "--", Python.interpreter(of: environment).path, client]
        ).run(within: .seconds(300))
        let checks = run.output.split(separator: "\n")
        #expect(run.code == 0, "\(run.text)")
        for name in ["chats", "streams", "raises typed errors"] {
            #expect(checks.contains { $0.hasPrefix("ok \(name)") }, "\(run.text)")
        }
        for failure in checks where failure.hasPrefix("FAILED ") { Issue.record("\(failure)") }
    }

    @Test func `the demonstration shows an response and passes the suite`() async throws {
        let run = try await Program.script("scripts/demo-real", ["--binary", Repository.binary.path])
            .run(within: .seconds(300))
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains("tokens/s"))
    }
}
