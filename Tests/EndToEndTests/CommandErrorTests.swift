import Foundation
import Testing

/// A target that cannot be tested is reported in one line on standard error: what is wrong, where, and how to fix it.
@Suite(.serialized) struct CommandErrorTests {
    /// Well-formed and not valid anywhere; these tests do not verify it.
    private static let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0ZXIifQ.c2lnbmF0dXJl"

    @Test(arguments: [
        ("http://127.0.0.1:1", ["connection refused by 127.0.0.1:1", "--url"]),
        ("https://no-such-host.invalid", ["no-such-host.invalid cannot be resolved", "--url"]),
    ])
    func `an address that leads nowhere`(url: String, parts: [String]) async throws {
        try await expectOneLine(["--url", url, "--token", Self.token], parts)
    }

    @Test(arguments: [
        ("not a url", ["'not a url' is not a URL", "https://ai.example.com"]),
        ("", ["is not a URL", "https://ai.example.com"]),
        ("localhost:8080", ["'localhost:8080' does not begin with https:// or http://"]),
        ("ftp://127.0.0.1", ["ftp://", "https://"]), ("https://", ["has no host", "https://ai.example.com"]),
        ("http://127.0.0.1:99999", ["port 99999"]),
        ("http://192.0.2.1", ["plain http to a public address", "--allow-insecure"]),
    ])
    func `an address that is none, or shows the token to everybody, is a usage error`(
        url: String, parts: [String]
    ) async throws {
        try await expectOneLine(["--url", url, "--token", Self.token], parts, code: 2)
        // A variable that is empty is not set.
        guard !url.isEmpty else { return }
        try await expectOneLine(["--token", Self.token], parts, environment: ["SIMPLEAI_URL": url], code: 2)
    }

    /// Nothing is sent: the process has no network of its own to reach it with, and does not try.
    @Test func `the default deployment does not get everybody's token`() async throws {
        let parts = ["https://ai.lelloman.com", "--url"]
        try await expectOneLine(["--token", Self.token], parts, code: 2)
        try await expectOneLine(["--token", "sk-an-opaque-key"], parts, code: 2)
        try await expectOneLine([], parts, environment: ["SIMPLEAI_TEST_TOKEN": Self.token], code: 2)
        try await withTemporaryFolder { folder in
            try writeScript("issue", in: folder, "echo \(Self.token)")
            try await expectOneLine(["--token-binary", "./issue"], parts, in: folder, code: 2)
        }
    }

    /// A run takes minutes: its reports must not fail only at the end.
    @Test func `a report into a folder that does not exist`() async throws {
        let file = "html=/no/such/folder/report.html"
        let run = try await Self.test(["--url", "http://127.0.0.1:1", "--token", Self.token, "--report", file]).run()
        #expect(run.code == 2, "\(run.text)")
        #expect(run.errors.contains("--report \(file): the folder /no/such/folder does not exist or is not writable"))
        #expect(!run.text.contains(Self.token) && run.output.isEmpty)
    }

    @Test func `no token at all`() async throws {
        let run = try await Self.test([]).run()
        #expect(run.code == 1, "\(run.text)")
        for part in ["error: No JWT token available", "--token ", "--token-binary ", "SIMPLEAI_TEST_TOKEN"] {
            #expect(run.errors.contains(part), "\(run.errors)")
        }
    }

    @Test(
        .enabled(if: Python.isThere, Python.missing),
        arguments: [
            ("missing", "http", ["/v1/models returned 404", "--url"]),
            ("html", "http", ["/v1/models returned an HTML page (status 200) instead of JSON", "--url"]),
            ("text", "http", ["/v1/models returned text/plain (status 200) instead of JSON", "--url"]),
            ("redirect", "http", ["/v1/models redirects to https://elsewhere.example/", "--url"]),
            ("rubbish", "http", ["is not HTTP", "--url"]),
            ("closes", "http", ["closed the connection without a response", "--url"]),
            ("closes", "https", ["no TLS connection", "closed during the handshake", "--url"]),
            ("rubbish", "https", ["no TLS connection", "does not support TLS", "use http:// in --url"]),
            ("silent", "http", ["Request timed out after", "no response", "--timeout"]),
            ("silent", "https", ["Request timed out after", "TLS handshake unfinished", "--timeout"]),
        ])
    func `a server that is no deployment`(kind: String, scheme: String, parts: [String]) async throws {
        let server = Program.script("Tests/EndToEndTests/deployments/broken.py", [kind])
        try await RunningProcess.run(server.interpretedByPython()) { process in
            let url = try await process.ready().url.replacing("http:", with: "\(scheme):")
            let authority = try #require(url.split(separator: "/").last)
            try await expectOneLine(
                ["--url", url, "--token", Self.token, "--timeout", "1"], parts + [String(authority)])
        }
    }

    @Test(arguments: [
        ("self-signed", true, "it is self-signed;"), ("expired", true, "it expired on 2020-01-31;"),
        ("of-authority", false, "it was issued by 'Stand-in authority', an authority that this machine does not trust"),
        ("other-host", true, "it is for other.example, not for 127.0.0.1;"),
    ])
    func `a certificate that is not trusted, with the reason`(
        kind: String, authorityIsTrusted: Bool, reason: String
    ) async throws {
        try await withTemporaryFolder { folder in
            let authority = folder.appendingPathComponent("authority.pem").path
            try await RunningProcess.run(Self.standIn(["--certificate", kind, "--authority-file", authority])) {
                process in
                let url = try await process.ready().url
                let environment = authorityIsTrusted ? ["SSL_CERT_FILE": authority] : [:]
                let parts = ["the certificate of 127.0.0.1:", " is not trusted: \(reason)", "--no-verify-ssl"]
                try await expectOneLine(
                    ["--url", url, "--token", Self.token], parts, environment: environment,
                    without: ["self-signed", "expired", "issued by", "is for"].filter { !reason.contains($0) })
            }
        }
    }

    @Test func `a certificate is good with --no-verify-ssl, or from an authority in SSL_CERT_FILE`() async throws {
        try await withTemporaryFolder { folder in
            let authority = folder.appendingPathComponent("authority.pem").path
            for (kind, options, environment) in [
                ("of-authority", [], ["SSL_CERT_FILE": authority]), ("self-signed", ["--no-verify-ssl"], [:]),
            ] {
                let standIn = Self.standIn(["--certificate", kind, "--authority-file", authority])
                try await RunningProcess.run(standIn) { process in
                    let ready = try await process.ready()
                    let token = try #require(ready.tokens?["basic"])
                    let run = try await Self.test(["--url", ready.url, "--token", token] + options, environment).run()
                    #expect(run.code == 0, "\(run.text)")
                }
            }
        }
    }

    @Test func `plain http on a TLS port`() async throws {
        try await RunningProcess.run(Self.standIn(["--tls"])) { process in
            let url = try await process.ready().url.replacing("https:", with: "http:")
            try await expectOneLine(["--url", url, "--token", Self.token], ["requires TLS", "https://"])
        }
    }

    // MARK: Token programs

    @Test(arguments: [
        ("echo hello", ["printed output that is not a JWT (5 bytes)", "must print a JWT"]),
        ("true", ["printed no output", "must print a JWT"]),
        ("echo 'no key' >&2; echo 'ask the vault' >&2; exit 3", ["exited with status 3", "no key / ask the vault"]),
        ("exit 4", ["exited with status 4", "run it manually"]), ("kill -9 $$", ["was terminated by signal 9"]),
    ])
    func `a token program that gives no token`(script: String, parts: [String]) async throws {
        try await withTemporaryFolder { folder in
            try writeScript("issue", in: folder, script)
            try await expectOneLine(Self.options("./issue"), parts + ["--token-binary", "./issue"], in: folder)
        }
    }

    @Test func `a token program that hangs is stopped when the run's time is up`() async throws {
        try await withTemporaryFolder { folder in
            try writeScript("issue", in: folder, "echo waiting >&2; sleep 600 & wait")
            try await expectOneLine(
                Self.options("./issue") + ["--deadline", "1"],
                ["--token-binary", "'./issue' was stopped after 1.0 s", "waiting"], in: folder)
        }
    }

    @Test func `a token program that cannot run`() async throws {
        try await withTemporaryFolder { folder in
            try Data("no script\n".utf8).write(to: folder.appendingPathComponent("plain"))
            let odd = try writeScript("odd", in: folder, "")
            try Data("#!/no/such/interpreter\n".utf8).write(to: odd)
            for (program, parts) in [
                ("./missing", ["the program './missing' does not exist", "check its path"]),
                ("missing", ["the program 'missing' was found neither here nor on the PATH"]),
                ("./plain", ["'./plain' is not executable", "chmod +x"]),
                ("./odd", ["'./odd' cannot be started", "interpreter in its first line"]),
            ] {
                try await expectOneLine(Self.options(program), parts + ["--token-binary"], in: folder)
            }
        }
    }

    @Test func `an aborted run still writes its reports`() async throws {
        try await withTemporaryFolder { folder in
            for options in [Self.options("./missing"), ["--url", "http://127.0.0.1:1", "--token", Self.token]] {
                let file = folder.appendingPathComponent("report.json")
                let run = try await Self.test(options + ["--report", "json=\(file.path)"], in: folder).run()
                let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: file)) as? [String: Any]
                let reason = try #require(json?["aborted"] as? String)
                #expect(run.errors == "error: \(reason)\n")
                try FileManager.default.removeItem(at: file)
            }
        }
    }

    // MARK: How a complaint looks

    private static func options(_ tokenBinary: String) -> [String] {
        ["--url", "http://127.0.0.1:1", "--token-binary", tokenBinary]
    }

    private static func test(
        _ options: [String], _ environment: [String: String] = [:], in folder: URL? = nil
    ) -> Program {
        Program(Repository.binary, ["test", "auth"] + options, environment: environment, directory: folder)
    }

    /// A deployment that keeps every promise.
    private static func standIn(_ options: [String]) -> Program {
        Program(
            Repository.products.appendingPathComponent("mutants"),
            ["serve", "forbidden"] + options)
    }

    private func expectOneLine(
        _ options: [String], _ parts: [String], environment: [String: String] = [:], in folder: URL? = nil,
        without others: [String] = [], code: Int32 = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let run = try await Self.test(options, environment, in: folder).run()
        #expect(run.code == code, "\(run.text)", sourceLocation: sourceLocation)
        let lines = run.errors.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 2 && lines[0].hasPrefix("error: "), "\(run.errors)", sourceLocation: sourceLocation)
        for part in parts {
            #expect(run.errors.contains(part), "'\(part)' is not in: \(run.errors)", sourceLocation: sourceLocation)
        }
        // Names of types and libraries do not help the operator of a deployment.
        for word in others + ["Error Domain", "NIO", "sslError", "Optional(", ".swift", "errno", "Fatal error"] {
            #expect(!run.errors.contains(word), "'\(word)' is in: \(run.errors)", sourceLocation: sourceLocation)
        }
        #expect(!run.text.contains(Self.token), sourceLocation: sourceLocation)
        for verdict in ["PASS", "FAIL "] {
            #expect(!run.output.contains(verdict), "\(run.output)", sourceLocation: sourceLocation)
        }
    }
}
