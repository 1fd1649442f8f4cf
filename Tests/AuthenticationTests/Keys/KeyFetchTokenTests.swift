import Foundation
import Logging
import NIOHTTP1
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import Authentication

/// The token that an issuer requires before it serves its keys.
@Suite(.timeLimit(.minutes(5))) struct KeyFetchTokenTests {
    private static func token(at address: String, _ text: String = "s3cret\n", for target: String) async throws
        -> String?
    {
        var found: String?
        try await withTemporaryFile(Array(text.utf8)) { path in
            found = try KeyFetchToken(path: path, address: address).authorization(for: target)
        }
        return found
    }

    @Test(arguments: [
        ("https://api.example", "https://api.example/openid/v1/jwks"),
        ("https://api.example:443", "https://API.example/jwks"),
        ("https://api.example/path", "https://api.example/jwks?a=b"),
        ("http://127.0.0.1:6443", "http://127.0.0.1:6443/jwks"), ("http://[::1]:1", "http://[::1]:1/jwks"),
        ("http://localhost", "http://localhost:80/jwks"),
    ])
    func isSentToTheConfiguredHost(address: String, target: String) async throws {
        #expect(try await Self.token(at: address, for: target) == "Bearer s3cret")
    }

    @Test(arguments: [
        ("https://api.example", "https://10.0.0.1:6443/openid/v1/jwks"),
        ("https://api.example", "https://api.example:6443/jwks"),
        ("https://api.example", "https://api.example.evil.example/jwks"),
        ("https://api.example", "https://api.example@evil.example/jwks"),
        ("https://api.example", "https://evil.example/https://api.example/jwks"),
        ("https://api.example", "http://api.example/jwks"), ("https://api.example", "http://api.example:443/jwks"),
        ("http://api.example", "http://api.example/jwks"), ("http://10.0.0.1", "http://10.0.0.1/jwks"),
        ("http://localhost.example", "http://localhost.example/jwks"), ("", ""), ("https://api.example", "jwks"),
    ])
    func isSentToNoOtherHost(address: String, target: String) async throws {
        #expect(try await Self.token(at: address, for: target) == nil)
    }

    @Test(arguments: [
        "", " \n", "two words", "tökën", "a\u{0}b", "a\r\nHost: b", String(repeating: "x", count: 70_000),
    ])
    func anInvalidTokenIsNeitherSentNorShown(text: String) async throws {
        let fault = await #expect(throws: KeySourceFault.self) {
            _ = try await Self.token(at: "https://a", text, for: "https://a/k")
        }
        #expect(fault?.description.hasPrefix("jwks_token_file ") == true)
        for word in text.split(whereSeparator: \.isWhitespace) where word.utf8.count > 3 {
            #expect(fault?.description.contains(word) == false)
        }
    }

    @Test(arguments: ["/nonexistent/token", "/", "/dev/null"])
    func reportsAnUnreadableFile(path: String) {
        #expect {
            try KeyFetchToken(path: path, address: "https://a").authorization(for: "https://a/k")
        } throws: {
            "\($0)".hasPrefix("jwks_token_file \"\(path)\" cannot be used: ") && !"\($0)".contains("Domain")
        }
    }

    /// Kubernetes replaces projected tokens while they are in use.
    @Test func everyFetchRereadsTheFile() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            try await withTemporaryFile(Array("first\n".utf8)) { path in
                var issuer = IssuerConfiguration.of(server, every: .milliseconds(5), cooldown: .seconds(3600))
                issuer.keyTokenFile = path
                try await withRunningVerifier(issuer) { verifier in
                    await verifier.keysArrived()
                    try Data("second".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
                    let fetches = verifier.sources[0].status.fetchesEnded
                    _ = await verifier.sources[0].waitForStatus { $0.fetchesEnded >= fetches + 2 }
                }
            }
            for path in ["/.well-known/openid-configuration", "/jwks"] {
                #expect(server.credentials(for: path).first == "Bearer first")
                #expect(server.credentials(for: path).last == "Bearer second")
            }
        }
    }

    /// The default setup of the Kubernetes API server: its discovery document names an address of the server's
    /// choice.
    @Test func isNotSentToAKeySetOnAnotherHost() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { issuing in
            try await KeyServer.run { elsewhere in
                issuing.respond(
                    "/.well-known/openid-configuration",
                    with: ["issuer": .string(issuing.url), "jwks_uri": .string(elsewhere.url + "/jwks")])
                elsewhere.respond("/jwks", with: .document([], status: .unauthorized))
                try await withTemporaryFile(Array("s3cret".utf8)) { path in
                    var issuer = IssuerConfiguration.of(issuing, every: .seconds(3600), cooldown: .seconds(3600))
                    issuer.keyTokenFile = path
                    try await withRunningVerifier(issuer) { verifier in
                        let status = await verifier.sources[0].waitForStatus { $0.lastError != nil }
                        let report = status.lastError?.description ?? ""
                        #expect(report.contains("status 401") && report.contains("set it as jwks_url"), "\(report)")
                        #expect(!report.contains("s3cret"))
                    }
                    #expect(issuing.credentials(for: "/.well-known/openid-configuration").first == "Bearer s3cret")
                    #expect(elsewhere.credentials(for: "/jwks").allSatisfy { $0 == nil })

                    // The operator stated this address as jwks_url, so the token is sent there.
                    elsewhere.respond("/jwks", with: ["keys": [try key.jwk(kid: "a")]])
                    issuer.keys = .url(elsewhere.url + "/jwks")
                    try await withRunningVerifier(issuer) { await $0.keysArrived() }
                    #expect(elsewhere.credentials(for: "/jwks").last == "Bearer s3cret")
                }
            }
        }
    }

    @Test func isNeverLogged() async throws {
        let lines = Mutex<[String]>([])
        try await KeyServer.run { server in
            server.respond("/jwks", with: .document([], status: .forbidden))
            try await withTemporaryFile(Array("s3cret".utf8)) { path in
                var issuer = IssuerConfiguration.of(server, every: .seconds(3600), cooldown: .seconds(3600))
                issuer.keys = .url(server.url + "/jwks")
                issuer.keyTokenFile = path
                let verifier = JWTVerifier(
                    issuers: [issuer], leeway: .zero,
                    logger: .observed(level: .trace) { event in lines.withLock { $0.append("\(event)") } },
                    maxCachedTokens: 1, limits: quickLimits, wallClock: { TestTime.date })
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await verifier.run() }
                    defer { group.cancelAll() }
                    _ = await verifier.sources[0].waitForStatus { $0.fetchesFailed >= 2 }
                }
            }
            #expect(server.credentials(for: "/jwks").first == "Bearer s3cret")
        }
        let log = lines.withLock { $0 }
        #expect(log.contains { $0.contains("403") })
        #expect(!log.contains { $0.contains("s3cret") })
    }
}
