import Foundation
import Testing

/// `simpleai token` against a real OpenID Connect provider (clients/provider.py), and a gateway that accepts its tokens.
@Suite(.enabled(if: Python.providerIsThere, Python.providerMissing))
struct ProviderTokenTests {
    private static func withProvider<Value: Sendable>(_ body: (ProviderSetup) async throws -> Value) async throws
        -> Value
    {
        let provider = Program(
            Python.interpreter(of: "provider"), [Repository.file("Tests/EndToEndTests/clients/provider.py").path])
        return try await withTemporaryFolder { folder in
            try await RunningProcess.run(provider) { process in
                let setup = ProviderSetup(issuer: try await process.ready().url, folder: folder)
                try setup.writeSettings()
                return try await body(setup)
            }
        }
    }

    @Test func `a client gets a token of its own`() async throws {
        try await Self.withProvider { setup in
            let run = try await setup.token(["--user", "service"]).run()
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.output.split(separator: "\n").count == 1)
            // This provider's tokens for clients are opaque, which has to be reported.
            #expect(run.errors.contains("is not a JWT"), "\(run.errors)")
        }
    }

    @Test(arguments: [[], ["--user", "poster"], ["--role", "model:specific"]])
    func `a user gets a token, however the client authenticates`(arguments: [String]) async throws {
        try await Self.withProvider { setup in
            let run = try await setup.token(arguments).run()
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.errors == "")
            #expect(run.output.split(separator: ".").count == 3)
            #expect(run.output.hasSuffix("\n") && run.output.split(separator: "\n").count == 1)
        }
    }

    @Test func `a token is kept for its owner alone, and given again`() async throws {
        try await Self.withProvider { setup in
            // A client's token is random here: receiving the same one twice proves that it was cached.
            let first = try await setup.token(["--user", "service"]).run()
            #expect(first.code == 0, "\(first.errors)")
            let files = try FileManager.default.contentsOfDirectory(atPath: setup.kept.path)
            let file = setup.kept.appendingPathComponent(try #require(files.first))
            #expect(files.count == 1)
            #expect(try mode(of: file) == 0o600)
            #expect(try mode(of: setup.kept) == 0o700)
            #expect(try await setup.token(["--user", "service"]).run().output == first.output)
            #expect(try await setup.token(["--user", "service", "--no-cache"]).run().output != first.output)

            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
            let refused = try await setup.token(["--user", "service"]).run()
            #expect(refused.code == 1)
            #expect(refused.output == "")
            #expect(refused.errors.contains("is readable by other users"), "\(refused.errors)")
        }
    }

    @Test func `many at once all get a token`() async throws {
        try await Self.withProvider { setup in
            try await withThrowingTaskGroup(of: RunningProcess.Ended.self) { group in
                for _ in 0..<8 { group.addTask { try await setup.token(["--role", "admin"]).run() } }
                for try await run in group { #expect(run.code == 0 && run.output.count > 100, "\(run.text)") }
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: setup.kept.path)
            #expect(files.count == 1, "\(files)")
            #expect(try await setup.token(["--role", "admin"]).run().code == 0)
        }
    }

    @Test func `what the provider refuses is said without the password`() async throws {
        try await Self.withProvider { setup in
            let run = try await setup.token(["--user", "mistaken"]).run()
            #expect(run.code == 1)
            #expect(run.output == "")
            #expect(run.errors.contains("invalid_"), "\(run.errors)")
            #expect(!run.errors.contains("not my password"))
        }
    }

    @Test func `a person signs in with a browser while the program waits`() async throws {
        try await Self.withProvider { setup in
            let run = try await RunningProcess.run(setup.token(["--user", "device"])) {
                process in
                let line = try await process.line("the code", on: .errors) { $0.contains("enter the code ") }
                let code = try #require(line.split(separator: " ").last)
                let approval = "\(setup.issuer)/device/approve?user_code=\(code)&user=admin"
                let curl = try #require(Python.path("curl"))
                #expect(try await Program(curl, ["-fsS", approval]).run().code == 0)
                return try await process.ended(within: .seconds(60))
            }
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.output.split(separator: ".").count == 3, "\(run.output)")
        }
    }

    @Test func `a gateway accepts the provider's tokens and tells its roles apart`() async throws {
        try await Self.withProvider { setup in
            let engine = Program(
                try #require(Python.path("python3")),
                [Repository.file("Tests/EndToEndTests/deployments/one_sided.py").path, "fair"])
            let run = try await RunningProcess.run(engine) { process in
                let file = try setup.writeGatewaySettings(engine: try await process.ready().url)
                return try await RunningProcess.run(.simpleai("serve", "--config", file.path, "--json")) { process in
                    let ready = try await process.ready()
                    return try await setup.acceptance(of: ready.url).run(within: .seconds(300))
                }
            }
            #expect(run.code == 0, "\(run.text)")
            let passed = run.output.split(separator: "\n").filter { $0.hasPrefix("PASS") }
            for check in ["basic.existing-id", "specific.existing-id", "admin.existing-id", "refused.broken-signature"]
            {
                #expect(passed.contains { $0.contains("auth.\(check)") }, "\(check) did not pass:\n\(run.text)")
            }
        }
    }

    private func mode(of file: URL) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue
    }
}

/// A provider, and a folder with the settings for its tokens.
private struct ProviderSetup: Sendable {
    let issuer: String
    let folder: URL

    /// The folder of the token cache.
    var kept: URL { folder.appendingPathComponent("caches/simpleai") }

    var environment: [String: String] {
        [
            "XDG_CACHE_HOME": folder.appendingPathComponent("caches").path,
            "SIMPLEAI_TOKEN_PROVIDER": folder.appendingPathComponent("simpleai-tokens.yaml").path,
            "SECRET": "the secret of simpleai: 50% + more", "PASSWORD": "correct horse battery staple",
        ]
    }

    func token(_ arguments: [String]) -> Program {
        Program(Repository.binary, ["token"] + arguments, environment: environment, directory: folder)
    }

    /// The acceptance suite's authentication test, with `get-token` as its token binary.
    func acceptance(of url: String) -> Program {
        Program.script(
            "bin/test_auth", ["--url", url, "--token-binary", Repository.file("bin/get-token").path, "--verbose"],
            environment: environment)
    }

    func writeSettings() throws {
        try write(
            "simpleai-tokens.yaml",
            """
            issuer: \(issuer)
            client: { id: simpleai, secret: "${SECRET}" }
            scopes: [ openid, groups ]
            username: basic
            password: "${PASSWORD}"
            users:
              service: { grant: client_credentials }
              poster:
                username: basic
                password: "${PASSWORD}"
                client:
                  id: simpleai-post
                  secret: "the secret of simpleai-post: 50% + more"
                  authentication: client_secret_post
              specific: { password: "${PASSWORD}" }
              admin: { password: "${PASSWORD}" }
              mistaken: { username: admin, password: not my password }
              device: { grant: device_code }
            roles:
              "model:specific": { user: specific }
              admin: { user: admin }
            """)
    }

    func writeGatewaySettings(engine: String) throws -> URL {
        try write(
            "simpleai.yaml",
            """
            server: { host: 127.0.0.1, port: 0 }
            auth:
              issuers:
                - issuer: \(issuer)
                  audience: simpleai
                  algorithms: [ RS512 ]
                  role_claims: [ groups ]
            classes: { fast: [ "stand-in:1b" ] }
            runners: [ { id: engine, url: "\(engine)", models: [ "stand-in:1b" ] } ]
            """)
    }

    @discardableResult
    private func write(_ name: String, _ text: String) throws -> URL {
        let file = folder.appendingPathComponent(name)
        try Data((text + "\n").utf8).write(to: file)
        return file
    }
}
