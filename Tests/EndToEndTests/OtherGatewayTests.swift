import Foundation
import Testing

/// The suite against other gateways, as docs/guides/testing-other-gateways.md shows it.
@Suite(.serialized) struct OtherGatewayTests {
    static let missing: Comment = "nginx or the real engine is not set up: run `scripts/setup --tests`"
    /// Debian installs it in a folder that not every PATH contains.
    static let hasNginx = Python.path("nginx") != nil || FileManager.default.isExecutableFile(atPath: "/usr/sbin/nginx")
    static let isThere = hasNginx && Python.isThere && Repository.has(".venv-real/complete")

    @Test(.enabled(if: isThere, missing))
    func `every example of the guide prints what the guide says`() async throws {
        let run = try await Program.script("scripts/demo-other", ["--binary", Repository.binary.path])
            .interpretedByPython().run(within: .seconds(600))
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains(" 0 differences from the guide"), "\(run.text)")
    }

    @Test(arguments: [
        ["--expect-status", "denied"], ["--expect-status", "refused=403"], ["--expect-status", "denied="],
        ["--expect-status", "denied=500"], ["--expect-status", "unknown=200"], ["--expect-status", "denied=403,x"],
        ["--no-auth", "--token", "anything"], ["--no-auth", "--local"],
    ])
    func `a code that is no refusal and a contradiction are usage errors`(options: [String]) async throws {
        let run = try await Program(Repository.binary, ["test", "auth"] + options).run()
        #expect(run.code == 2, "\(run.text)")
        #expect(run.errors.contains(options[0]), "\(run.text)")
        #expect(run.output.isEmpty, "\(run.output)")
    }
}
