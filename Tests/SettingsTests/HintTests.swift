import Foundation
import TestSupport
import Testing

@testable import Settings

/// Mistakes that new users make, and the hints that they get.
@Suite struct HintTests {
    @Test(arguments: [
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a.example/.well-known/openid-configuration', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: is the URL of the discovery document; remove "
                + "/.well-known/openid-configuration, and compare the rest with `issuer` in the document"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a.example/.well-known/oauth-authorization-server/x', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: is the URL of the discovery document; remove …"),
        ProblemCase(
            "auth:\n  issuers:\n    - issuer: https://a.example\n      audience: x\n      ca_file: ca.pem",
            "s.yaml:5: auth.issuers[0].ca_file: is unknown; did you mean `tls.ca_file`?"),
        ProblemCase(
            "auth: {mode: none}\nrunners: [{url: 'http://a', ca_file: ca.pem}]",
            "s.yaml:2: runners[0].ca_file: is unknown; did you mean `tls.ca_file`?"),
        ProblemCase(
            "auth: {mode: none}\nserver: {certificate: a.pem}",
            "s.yaml:2: server.certificate: is unknown; did you mean `tls.certificate`?"),
        // Several tables have a key `port`, so none is suggested.
        ProblemCase("auth: {mode: none}\nport: 80", "s.yaml:2: port: is unknown; known keys: server, auth, …"),
    ])
    func problemsStateTheIntendedKey(_ problem: ProblemCase) {
        expect(problem, in: problems(problem.text))
    }

    @Test(arguments: [
        ("auth:\n\tmode: none\n", 2), ("auth: {mode: none}\nserver:\n  host: ::1\n\tport: 1\n", 4),
        ("auth:\n  \tmode: none\n  leeway: 1s\n", 2), ("auth: {mode: none}\nrunners:\n\t- url: http://a\n", 3),
    ])
    func aTabInTheIndentationIsNamed(_ text: String, _ line: Int) {
        #expect(problems(text) == ["s.yaml:\(line): is not valid YAML: the line is indented with a tab; use spaces"])
    }

    @Test func tabsElsewhereAreAllowed() {
        #expect(problems("auth:\t{mode: none}\t# a comment\n") == [])
    }

    @Test func secretsThatEveryUserCanReadCauseWarnings() throws {
        try inTemporaryDirectory { directory in
            let secret = try directory.write("secret", Data("secret".utf8))
            let key = try directory.write(
                "key.pem", Data("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n".utf8))
            let certificate = try directory.write(
                "cert.pem", Data("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".utf8))
            let settings = [
                ("server.tls.key", key, "server: {tls: {certificate: \(certificate), key: \(key)}}"),
                ("server.tls.key_file", key, "server: {tls: {certificate: \(certificate), key_file: \(key)}}"),
                ("metrics.token_file", secret, "metrics: {token_file: \(secret)}"),
                ("runners[0].api_key_file", secret, "runners: [{url: 'http://a', api_key_file: \(secret)}]"),
                ("runners[0].headers.X-A_file", secret, "runners: [{url: 'http://a', headers: {X-A_file: \(secret)}}]"),
            ]
            for (path, file, text) in settings {
                for (mode, isReadable) in [(0o644, true), (0o640, false), (0o600, false)] {
                    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
                    let found = try warnings(minimal + text).filter { $0.contains("readable by every user") }
                    let expected =
                        "s.yaml:2: \(path): \"\(file)\" is readable by every user of this machine (mode 644); use "
                        + "chmod o= on it"
                    #expect(found == (isReadable ? [expected] : []))
                }
            }
        }
    }

    @Test func tokenFilesForKeysAreChecked() throws {
        try inTemporaryDirectory { directory in
            let token = try directory.write("token", Data("t".utf8))
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: token)
            let found = try warnings(
                "auth: {issuers: [{issuer: 'https://a.example', audience: x, jwks_token_file: \(token)}]}")
            #expect(found.contains { $0.contains("auth.issuers[0].jwks_token_file: ") && $0.contains("mode 644") })
        }
    }
}
