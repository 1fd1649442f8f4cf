import Foundation
import StandIn
import Synchronization
import TestSupport
import Testing

@testable import Acceptance

struct TokenTests {
    /// An executable script in a directory of its own.
    private func withScript<R>(_ text: String, name: String = "issue", _ body: (String) async throws -> R) async throws
        -> R
    {
        try await inTemporaryDirectory { directory in
            let file = directory.appendingPathComponent(name)
            try "#!/bin/sh\n\(text)\n".write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
            return try await body(file.path)
        }
    }

    private func source(_ path: String) throws -> TokenSource {
        try .program(ExternalProgram(parsing: path, searchPath: nil))
    }

    @Test func rolesAreAskedForOnce() async throws {
        let plain = StandInTokens.mint(role: nil)
        let special = StandInTokens.mint(role: "model:specific")
        let text = """
            echo call >> "$0.calls"
            if [ "$1 $2" = "--role model:specific" ]; then echo \(special); else echo \(plain); fi
            """
        try await withScript(text) { path in
            let tokens = try source(path)
            for _ in 0..<3 {
                #expect(try await tokens.token(role: nil) == plain)
                #expect(try await tokens.token(role: "model:specific") == special)
            }
            let calls = try String(contentsOfFile: path + ".calls", encoding: .utf8)
            #expect(calls.split(separator: "\n").count == 2)
        }
    }

    @Test(arguments: [
        ("echo 'bad luck' >&2; exit 3", "exited with status 3; its stderr: bad luck"),
        ("true", "printed no output"), ("echo hello; echo why >&2", "not a JWT (5 bytes); its stderr: why"),
        ("echo a.b.c", "not a JWT"),
    ]) func uselessProgramsAreReported(script: String, part: String) async throws {
        try await withScript(script) { path in
            let tokens = try source(path)
            let problem = await #expect(throws: TokenProblem.self) { try await tokens.token(role: nil) }
            #expect("\(try #require(problem))".contains(part), "\(String(describing: problem))")
        }
    }

    /// A program that hangs, with a child that keeps its output open.
    @Test func hangingProgramIsStopped() async throws {
        try await withScript("echo slow >&2; sleep 600 & sleep 600") { path in
            let program = try ExternalProgram(parsing: path, searchPath: nil)
            let problem = await #expect(throws: ExternalProgram.Problem.self) {
                try await program.run([], limit: .milliseconds(300))
            }
            #expect("\(try #require(problem))".contains("was stopped after 0.30 s"))
        }
    }

    @Test func theLimitIsTheTokenSourcesToSet() async throws {
        try await withScript("sleep 600") { path in
            let program = try ExternalProgram(parsing: path, searchPath: nil)
            let tokens = try TokenSource.program(program, limit: .milliseconds(200))
            let problem = await #expect(throws: TokenProblem.self) { try await tokens.token(role: nil) }
            let text = "\(try #require(problem))"
            #expect(text.contains("--token-binary") && text.contains("was stopped after 0.20 s"), "\(text)")
        }
        #expect(TokenSource.programTimeout == .seconds(30))
    }

    @Test func wordsAreAProgramWithArguments() async throws {
        try await withScript("echo \"$@\"") { path in
            let program = try ExternalProgram(parsing: "\(path) token --quiet", searchPath: nil)
            #expect(
                try await program.run(["--role", "admin"], limit: .seconds(30)).output == "token --quiet --role admin\n"
            )
        }
        try await withScript("echo spaced", name: "issue token") { path in
            let program = try ExternalProgram(parsing: path, searchPath: nil)
            #expect(try await program.run([], limit: .seconds(30)).output == "spaced\n")
        }
    }

    @Test func missingProgramIsReported() {
        #expect(throws: TokenProblem.self) { try ExternalProgram(parsing: "/no/such/program", searchPath: nil) }
        #expect(throws: TokenProblem.self) { try ExternalProgram(parsing: "no-such-program", searchPath: "/bin") }
        #expect(throws: TokenProblem.self) { try ExternalProgram(parsing: "/etc/passwd", searchPath: nil) }
    }

    @Test func expiringTokensAreAskedForAgain() async throws {
        let counter = StandInDeployment()
        let tokens = TokenSource.provider { _, _ in
            counter.state.withLock { $0.calls += 1 }
            return StandInTokens.mint(role: nil, expiresIn: 5)
        }
        _ = try await tokens.token(role: nil)
        _ = try await tokens.token(role: nil)
        #expect(counter.state.withLock { $0.calls } == 2)
    }

    @Test func forgedTokensDifferWhereTheyShould() throws {
        let token = StandInTokens.mint(role: nil)
        let broken = try #require(TokenText.withBrokenSignature(token))
        #expect(TokenText.isJWT(token) && TokenText.isJWT(broken))
        #expect(zip(token, broken).count { $0 != $1 } == 1)
        let unsigned = try #require(TokenText.withAlgorithmNone(token))
        #expect(unsigned.hasSuffix("."))
        #expect(TokenText.claims(of: unsigned) == TokenText.claims(of: token))
    }

    @Test func badTextIsNoToken() throws {
        #expect(throws: TokenProblem.self) { try TokenSource.fixed("  ") }
        #expect(throws: TokenProblem.self) { try TokenSource.fixed("a b") }
        #expect(try TokenText.checked(" Bearer abc\n", origin: "x") == "abc")
    }

    @Test func redactorKnowsTokensAndTheirLikes() async throws {
        let token = StandInTokens.mint(role: nil)
        let source = try TokenSource.fixed("opaque-secret-1")
        _ = try await source.credential(.basic)
        #expect(source.redactor.redact("x opaque-secret-1 y") == "x [token] y")
        #expect(source.redactor.redact("Bearer \(token)!") == "Bearer [jwt]!")
        #expect(source.redactor.findsSecret(in: "opaque-secret-1"))
    }

    @Test func dotEnvironmentGivesOnlyOurVariables() {
        let values = DotEnvironment.parse(
            """
            # comment
            SIMPLEAI_URL=https://a.example # here
            export SIMPLEAI_TEST_TOKEN="x y"
            OTHER=secret
            """)
        #expect(values == ["SIMPLEAI_URL": "https://a.example", "SIMPLEAI_TEST_TOKEN": "x y"])
    }
}
