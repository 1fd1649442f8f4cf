import Foundation
import SimpleAICore
import TestSupport
import Testing

@testable import WakeOnLAN

/// The operator's programs, executed as real processes.
@Suite(.timeLimit(.minutes(2))) struct WakeCommandTests {
    private static let path = "/usr/bin:/bin"

    @Test func argumentsReachTheProgramAsTheyAre() async throws {
        try await inTemporaryDirectory { folder in
            let directory = folder.path
            // A shell would create two files from this, and run the text behind the semicolon.
            let name = "a b; touch $HOME"
            try await WakeCommand(searchPath: Self.path).run(
                PowerCommandRequest(program: "touch", arguments: ["\(directory)/\(name)"]))
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [name])
        }
    }

    @Test func theEnvironmentContainsNoSecrets() async throws {
        try await inTemporaryDirectory { folder in
            let directory = folder.path
            let file = "\(directory)/environment"
            try await WakeCommand(searchPath: Self.path).run(
                PowerCommandRequest(program: "/bin/sh", arguments: ["-c", "env > '\(file)'"]))
            let names = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map {
                $0.prefix { $0 != "=" }
            }
            // The shell adds variables of its own.
            #expect(Set(names).isSubset(of: ["PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_"]))
        }
    }

    @Test func aProgramThatFailsIsQuotedBriefly() async {
        let script = "for i in $(seq 1 100000); do echo 'no such relay' >&2; done; exit 3"
        let error = await #expect(throws: PowerError.self) {
            try await WakeCommand(searchPath: Self.path).run(
                PowerCommandRequest(program: "sh", arguments: ["-c", script]))
        }
        guard case .programFailed("sh", let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("exited with status 3"))
        #expect(reason.utf8.count < 500)
    }

    @Test func aProgramThatHangsIsStopped() async {
        await #expect(throws: PowerError.self) {
            try await WakeCommand(searchPath: Self.path, timeout: .milliseconds(200)).run(
                PowerCommandRequest(program: "sleep", arguments: ["600"]))
        }
    }

    @Test(arguments: ["no-such-program-anywhere", "/no/such/program", "/tmp"])
    func reportsAMissingProgram(_ program: String) async {
        let expected = PowerError.programFailed(program: program, reason: "does not exist or is not executable")
        await #expect(throws: expected) {
            try await WakeCommand(searchPath: Self.path).run(PowerCommandRequest(program: program))
        }
    }
}
