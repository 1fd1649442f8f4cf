import Foundation
import Testing

/// `simpleai keys`, as an operator uses it: clients can use its output as `OPENAI_API_KEY`.
@Suite(.devFleet(), .serialized)
struct KeysCommandTests {
    private func keys(_ arguments: String...) async throws -> RunningProcess.Ended {
        let fleet = try DevFleet.current()
        let gateway = ["--url", fleet.url, "--token", try fleet.token("admin")]
        return try await Program(Repository.binary, ["keys"] + arguments + gateway).run()
    }

    /// The status of a call with a key.
    private func status(of model: String, with key: String) async throws -> String {
        let body = #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}]}"#
        let curl = Program(
            URL(fileURLWithPath: "/usr/bin/env"),
            [
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer \(key)", "-H",
                "Content-Type: application/json", "-d", body, "\(try DevFleet.current().url)/v1/chat/completions",
            ])
        return try await curl.run().output
    }

    @Test func `a key is created, used, listed and revoked`() async throws {
        let created = try await keys("create", "home assistant", "--class", "fast", "--expires", "90d")
        #expect(created.code == 0, "\(created.text)")
        let key = created.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(key.hasPrefix("sk-simpleai-") && !key.contains("\n"), "standard output is the key and nothing else")
        #expect(try await status(of: "class:fast", with: key) == "200")
        #expect(try await status(of: "class:big", with: key) == "403")

        let id = String(key.dropFirst("sk-simpleai-".count).prefix(8))
        let listed = try await keys("list")
        #expect(listed.output.contains(id) && listed.output.contains("home assistant"))
        #expect(!listed.output.contains(key) && !listed.output.contains("never"), "\(listed.output)")

        #expect(try await keys("revoke", id).code == 0)
        #expect(try await status(of: "class:fast", with: key) == "401")
        #expect(try await keys("list").output.contains("revoked"))
    }

    @Test func `what cannot be done is one line and exit code 1`() async throws {
        for (arguments, words) in [
            (["create", "x", "--role", "admin"], "API keys cannot have the admin role"),
            (["create", "x", "--class", "nowhere"], "Unknown class"),
            (["revoke", "zzz"], "Unknown key"),
        ] {
            let fleet = try DevFleet.current()
            let run = try await Program(
                Repository.binary, ["keys"] + arguments + ["--url", fleet.url, "--token", try fleet.token("admin")]
            ).run()
            #expect(run.code == 1)
            #expect(run.output.isEmpty && run.text.contains(words), "\(run.text)")
            #expect(run.text.split(separator: "\n").count == 1, "\(run.text)")
        }
        let fleet = try DevFleet.current()
        let refused = try await Program(
            Repository.binary, ["keys", "--url", fleet.url, "--token", try fleet.token("basic")]
        ).run()
        #expect(refused.code == 1 && refused.text.contains("Permission denied"), "\(refused.text)")
    }
}
