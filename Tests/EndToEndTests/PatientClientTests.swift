import Foundation
import Testing

/// A machine that boots for 40 seconds, behind an nginx with default timeouts.
@Suite struct PatientClientTests {
    private static let missing: Comment = "the real clients or nginx are not set up: run `scripts/setup --tests`"

    private struct Seen: Decodable, Sendable {
        let seconds: Double
        let text: String
        let finish: String?
        let comments: Int
    }

    /// All of them at once: they wait for the same boot.
    @Test(.enabled(if: Python.clientsAreThere && OtherGatewayTests.hasNginx, missing))
    func `streaming clients with default settings outlast the boot`() async throws {
        try await RunningProcess.run(.simpleai("dev", "--json", "--boot-delay", "41")) { dev in
            let fleet = try await dev.ready()
            let token = try #require(fleet.tokens?["basic"])
            try await withThrowingTaskGroup(of: (String, RunningProcess.Ended).self) { group in
                for environment in Python.clientEnvironments {
                    let client = Program(
                        Python.interpreter(of: environment),
                        [
                            Repository.file("Tests/EndToEndTests/clients/patient_client.py").path, fleet.url, token,
                            "class:big",
                        ],
                        environment: ["PATH": (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin"])
                    group.addTask { (environment, try await client.run(within: .seconds(200))) }
                }
                var longest = 0.0
                for try await (environment, run) in group {
                    try #require(run.code == 0, "\(environment): \(run.text)")
                    let seen = try JSONDecoder().decode(Seen.self, from: Data(run.output.utf8))
                    print("\(environment) behind nginx: first token after \(seen.seconds) s, \(seen.comments) comments")
                    longest = max(longest, seen.seconds)
                    #expect(!seen.text.isEmpty && seen.finish == "stop", "\(run.text)")
                    // After 5 s, then every 10 s: they keep connections alive during longer boots, too.
                    #expect(seen.comments >= 2, "nginx kept them back, or none came")
                }
                // The first client's wait: the others may have found the machine booting.
                #expect(longest >= 40, "the machine cannot have slept")
            }
        }
    }
}
