import Foundation
import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// The default deployment gets a token only from an issuer under its own domain.
struct TokenAdmissionTests {
    /// A token with these claims; these tests do not verify it.
    static func token(claims: String) -> String {
        func encoded(_ text: String) -> String {
            Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
        }
        return "\(encoded(#"{"alg":"RS256"}"#)).\(encoded(claims)).c2lnbmF0dXJl"
    }

    static func token(issuer: String) -> String { token(claims: #"{"iss":"\#(issuer)","sub":"tester"}"#) }

    private func isAdmitted(_ token: String) -> Bool {
        do throws(TokenProblem) {
            try TokenAdmission.defaultDeployment.check(token, from: "--token")
            return true
        } catch {
            #expect(error.isWrongUsage && error.description.contains("--url"), "\(error)")
            #expect(!error.description.contains(token))
            return false
        }
    }

    @Test(arguments: [
        "https://auth.lelloman.com", "https://lelloman.com/realms/ai", "https://ai.lelloman.com:8443/",
        "auth.lelloman.com",
        "https://AUTH.Lelloman.COM", "https://auth.lelloman.com./x", "http://keys.auth.lelloman.com",
    ]) func `an issuer under the domain`(issuer: String) {
        #expect(isAdmitted(Self.token(issuer: issuer)))
    }

    @Test(arguments: [
        "https://auth.example.com", "https://evil-lelloman.com", "https://lelloman.com.example.org",
        "https://lelloman.co",
        "https://auth.lelloman.com@example.org", "https://example.org/lelloman.com",
        "https://example.org#.lelloman.com",
        "http://127.0.0.1:8081", "https://com", "https://", "", "lelloman", "urn:lelloman.com",
        "file://auth.lelloman.com/x", "https://auth.lelloman.com.", "https://l\u{0435}lloman.com",
        "https://user:word@auth.lelloman.com", "https://example.org\\\\.lelloman.com",
    ]) func `any other issuer`(issuer: String) {
        // The dot at the end is the one that is right.
        #expect(isAdmitted(Self.token(issuer: issuer)) == (issuer == "https://auth.lelloman.com."))
    }

    @Test(arguments: [
        "sk-an-opaque-key-0123456789", "a.b.c", "x", "eyJhbGciOiJkaXIifQ..a.b.c",
        TokenAdmissionTests.token(claims: #"{"sub":"tester"}"#),
        TokenAdmissionTests.token(claims: #"{"iss":["https://auth.lelloman.com"]}"#),
        TokenAdmissionTests.token(claims: #"{"iss":7}"#), TokenAdmissionTests.token(claims: #"{"iss":null}"#),
        TokenAdmissionTests.token(claims: "[]"), TokenAdmissionTests.token(claims: "no JSON"),
        TokenAdmissionTests.token(claims: #"{"iss":"https://auth.lelloman.com","iss":"https://example.org"}"#),
    ]) func `keys and odd tokens`(token: String) {
        #expect(!isAdmitted(token))
    }

    @Test func `a deployment that the operator named receives any token`() throws {
        try TokenAdmission.anywhere.check("sk-an-opaque-key", from: "--token")
    }

    @Test func `a given token is refused before anything is sent`() {
        for token in ["sk-an-opaque-key", Self.token(issuer: "https://example.org")] {
            #expect(throws: TokenProblem.self) { try TokenSource.fixed(token, admission: .defaultDeployment) }
        }
        let expired = Self.token(claims: #"{"iss":"https://example.org","exp":1}"#)
        #expect(throws: TokenProblem.self) {
            try TokenSource.fixed(
                Self.token(issuer: "https://lelloman.com"), admission: .defaultDeployment, expired: expired)
        }
    }

    /// A program is asked when its token is needed, and may print another one for each role.
    @Test func `a program's token of any role is refused, and the run ends`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("admission-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let foreign = Self.token(issuer: "https://example.org")
        let program = folder.appendingPathComponent("issue")
        let script = """
            #!/bin/sh
            if [ "$1" = --role ]; then echo \(foreign); else echo \(Self.token(issuer: "https://auth.lelloman.com")); fi
            """
        try script.write(to: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
        var bench = Bench()
        bench.tokens = try .program(
            ExternalProgram(parsing: program.path, searchPath: nil), admission: .defaultDeployment)
        let run = bench
        let problem = await #expect(throws: TokenProblem.self) { try await run.run([.authentication]) }
        #expect(problem?.isWrongUsage == true)
        let seen = bench.deployment.state.withLock { $0.seen }
        #expect(!seen.isEmpty && seen.allSatisfy { !($0.authorization ?? "").contains(foreign) })
    }
}
