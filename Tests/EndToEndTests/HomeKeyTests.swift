import Foundation
import Testing

/// The places where `simpleai token` looks for a key if no option names one.
@Suite struct HomeKeyTests {
    @Test func `a key at home is found`() async throws {
        try await withTemporaryFolder { home in
            let environment = ["HOME": home.path, "XDG_RUNTIME_DIR": home.path]
            func simpleai(_ arguments: String...) -> Program {
                Program(Repository.binary, arguments, environment: environment, directory: home)
            }
            let none = try await simpleai("token").run()
            #expect(none.code == 1)
            #expect(none.errors.contains("~/.simpleai/token-key.pem"), "\(none.text)")

            let made = try await simpleai("token", "init", "--directory", home.path + "/.simpleai").run()
            #expect(made.code == 0, "\(made.text)")
            #expect(!made.output.contains("SIMPLEAI_TOKEN_KEY"), "\(made.text)")
            let elsewhere = try await simpleai("token", "init", "--directory", home.path + "/keys").run()
            #expect(elsewhere.output.contains("export SIMPLEAI_TOKEN_KEY="), "\(elsewhere.text)")
            let run = try await simpleai("token", "--user", "me").run()
            #expect(run.code == 0, "\(run.text)")
            let parts = run.output.split(separator: ".").map(String.init)
            #expect(parts.count == 3)
            #expect(try #require(parts.dropFirst().first).hasPrefix("eyJ"))
        }
    }
}
