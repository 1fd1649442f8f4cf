import Foundation
import NIOHTTP1
import SimpleAICore
import TestSupport
import Testing

@testable import Authentication

/// Keys from a live issuer on loopback. Every wait is for an action of the source or the server, never for a
/// duration.
@Suite(.timeLimit(.minutes(5))) struct KeySourceTests {
    @Test func findsKeysByDiscovery() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                #expect(verifier.hasKeys)
                #expect(await verifier.reason(against: server.token(kid: "a", by: key)) == nil)
                let state = try #require(verifier.issuerStates.first)
                #expect(state.issuer == server.url)
                #expect(state.keyCount == 1)
                #expect(state.age == .zero)
                #expect(state.failures == 0)
                #expect(state.lastError == nil)
            }
        }
    }

    @Test func keepsTheTrailingSlashOfAnIssuer() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            let name = server.url + "/"
            server.respond(
                "/.well-known/openid-configuration",
                with: ["issuer": .string(name), "jwks_uri": .string(server.url + "/jwks")])
            var issuer = IssuerConfiguration.of(server)
            issuer.issuer = IssuerID(name)
            try await withRunningVerifier(issuer) { verifier in
                await verifier.keysArrived()
                let good = TokenSketch(issuer: name, kid: "a").signed(by: key)
                #expect(await verifier.reason(against: good) == nil)
                #expect(await verifier.fault(of: server.token(kid: "a", by: key)) == .unknownIssuer)
            }
        }
    }

    @Test(
        arguments: [
            (
                ["issuer": "https://other.example", "jwks_uri": "SERVER/jwks"],
                .otherIssuer(stated: "https://other.example", expected: "SERVER")
            ), (["issuer": "SERVER/", "jwks_uri": "SERVER/jwks"], .otherIssuer(stated: "SERVER/", expected: "SERVER")),
            (["jwks_uri": "SERVER/jwks"], .notADiscoveryDocument), (["issuer": "SERVER"], .notADiscoveryDocument),
            (["issuer": "SERVER", "jwks_uri": 5], .notADiscoveryDocument), ([], .notADiscoveryDocument),
            (["issuer": "SERVER", "jwks_uri": "file:///etc/passwd"], .insecureKeyAddress),
            (["issuer": "SERVER", "jwks_uri": "/jwks"], .insecureKeyAddress),
        ] as [(JSONValue, KeySourceFault)])
    func requiresTheIssuersOwnDiscoveryDocument(document: JSONValue, fault: KeySourceFault) async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            let text = document.text.replacingOccurrences(of: "SERVER", with: server.url)
            server.respond("/.well-known/openid-configuration", with: .document(Array(text.utf8)))
            try await withRunningVerifier(.of(server)) { verifier in
                let status = await verifier.sources[0].waitForStatus { $0.lastError != nil }
                let expected = fault.description.replacingOccurrences(of: "SERVER", with: server.url)
                #expect(status.lastError?.description == expected)
                #expect(!verifier.hasKeys)
                #expect(server.requests(for: "/jwks") == 0)
                // The control: with the correct document the same issuer works.
                server.publish(try key.jwk(kid: "a"))
                await verifier.keysArrived()
                #expect(await verifier.reason(against: server.token(kid: "a", by: key)) == nil)
            }
        }
    }

    @Test func recoversFromAnOutageAtTheStart() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.respond("/.well-known/openid-configuration", with: .hangUp)
            try await withRunningVerifier(.of(server)) { verifier in
                _ = await verifier.sources[0].waitForStatus { $0.fetchesEnded >= 3 }
                let good = server.token(kid: "a", by: key)
                #expect(!verifier.hasKeys)
                #expect(await verifier.reason(against: good) == "keys unavailable")
                #expect(verifier.issuerStates.first?.lastError != nil)
                #expect(verifier.issuerStates.first?.age == nil)
                #expect(verifier.issuerStates.first?.failures ?? 0 >= 3)
                // Faults that need no keys are still reported.
                #expect(
                    await verifier.fault(of: TokenSketch(issuer: "https://other").signed(by: key)) == .unknownIssuer)
                #expect(await verifier.fault(of: "garbage") == .notCompact)
                server.publish(try key.jwk(kid: "a"))
                await verifier.keysArrived()
                #expect(await verifier.reason(against: good) == nil)
                #expect(verifier.issuerStates.first?.lastError == nil)
            }
        }
    }

    @Test func keysUnavailableStatesRetryAfter() async throws {
        try await KeyServer.run { server in
            server.respond("/.well-known/openid-configuration", with: .document([], status: .serviceUnavailable))
            var limits = quickLimits
            limits.firstRetry = .seconds(40)
            limits.lastRetry = .seconds(40)
            try await withRunningVerifier(.of(server), limits: limits) { verifier in
                let good = server.token(kid: "a", by: try TestKey.make(.es256))
                _ = await verifier.sources[0].waitForStatus { $0.fetchesEnded == 1 }
                do throws(TokenRejection) {
                    _ = try await verifier.caller(for: good)
                    Issue.record("accepted without keys")
                } catch {
                    guard case .keysUnavailable(let retryAfter) = error else {
                        Issue.record("unexpected \(error)")
                        return
                    }
                    #expect(retryAfter > .seconds(1) && retryAfter <= .seconds(41))
                }
            }
        }
    }

    @Test func keepsCachedTokensOfAKeyThatIsStillPublished() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                let old = server.token(kid: "a", by: a)
                #expect(await verifier.reason(against: old) == nil)
                server.publish(try b.jwk(kid: "b"), try a.jwk(kid: "a"))
                #expect(await verifier.reason(against: server.token(kid: "b", by: b)) == nil)
                #expect(verifier.cachedCaller(for: old) != nil)
            }
        }
    }

    @Test func unknownIssuersFetchNothing() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            try await withRunningVerifier(.of(server, cooldown: .zero)) { verifier in
                await verifier.keysArrived()
                for number in 0..<100 {
                    let foreign = TokenSketch(issuer: server.url + "/\(number)", kid: "z").signed(by: key)
                    #expect(await verifier.fault(of: foreign) == .unknownIssuer)
                }
                var fetching = TokenSketch(issuer: server.url, kid: "z")
                fetching.header = fetching.header.with("jku", .string(server.url + "/evil"))
                #expect(server.requests(for: "/jwks") == 1)
                // The control: a token of this issuer with an unknown key id does cause a fetch, but not from the
                // address in the token.
                #expect(await verifier.fault(of: fetching.signed(by: key)) == .unknownKey)
                #expect(server.requests(for: "/jwks") == 2)
                #expect(server.requests(for: "/evil") == 0)
            }
        }
    }

    /// Kubernetes serves its key set as `application/jwk-set+json` and refuses requests that do not accept that.
    @Test func keySetsAreAcceptedUnderTheirOwnType() async throws {
        let key = try TestKey.make(.rs256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                let accepted = server.accepted(for: "/jwks")
                #expect(accepted.contains("application/jwk-set+json"))
                #expect(accepted.contains("application/json"))
            }
        }
    }

    @Test func discoveryIgnoresAByteOrderMark() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            let discovery: JSONValue = ["issuer": .string(server.url), "jwks_uri": .string(server.url + "/jwks")]
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            server.respond("/.well-known/openid-configuration", with: .document(mark + Array(discovery.text.utf8)))
            server.respond("/jwks", with: .document(mark + keySet(try key.jwk(kid: "a"))))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                #expect(await verifier.reason(against: server.token(kid: "a", by: key)) == nil)
            }
        }
    }

    @Test func keysAreRefreshedByAge() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            try await withRunningVerifier(.of(server, every: .milliseconds(10))) { verifier in
                await verifier.keysArrived()
                let old = server.token(kid: "a", by: a)
                #expect(await verifier.reason(against: old) == nil)
                server.publish(try b.jwk(kid: "b"))
                _ = await verifier.sources[0].waitForStatus { $0.keys?.keys.first?.id == "b" }
                #expect(verifier.cachedCaller(for: old) == nil)
            }
        }
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let response: ScriptedServer.Response
        let isExpected: @Sendable (KeySourceFault) -> Bool
    }

    @Test(arguments: [
        Trouble(testDescription: "hangs up", response: .hangUp) { if case .unreachable = $0 { true } else { false } },
        Trouble(testDescription: "is silent", response: .silence) { $0 == .timeout },
        Trouble(testDescription: "stalls", response: .stall) { $0 == .timeout },
        Trouble(testDescription: "fails", response: .document([], status: .internalServerError)) { $0.isStatus(500) },
        Trouble(testDescription: "answers HTML", response: .document(Array("<html>".utf8))) { $0 == .notJSON },
        Trouble(testDescription: "has no keys", response: .document(Array(#"{"keys":[]}"#.utf8))) {
            $0 == .noUsableKey
        },
        Trouble(testDescription: "sends 10 MB", response: .document(Array(repeating: 0x20, count: 10 << 20))) {
            $0 == .tooLarge
        },
        Trouble(
            testDescription: "redirects", response: .document([], status: .found, headers: ["location": "/elsewhere"])
        ) { $0.isStatus(302) },
    ])
    func failuresKeepTheLastValidKeys(trouble: Trouble) async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            server.respond("/elsewhere", with: ["keys": [try b.jwk(kid: "b")]])
            var limits = quickLimits
            limits.time = .milliseconds(500)
            try await withRunningVerifier(.of(server, every: .milliseconds(10)), limits: limits) { verifier in
                await verifier.keysArrived()
                server.respond("/jwks", with: trouble.response)
                let status = await verifier.sources[0].waitForStatus { $0.lastError.map(trouble.isExpected) ?? false }
                #expect(status.keys?.keys.count == 1)
                #expect(await verifier.reason(against: server.token(kid: "a", by: a)) == nil)
                #expect(server.requests(for: "/elsewhere") == 0)
                #expect(verifier.hasKeys)

                server.publish(try b.jwk(kid: "b"))
                _ = await verifier.sources[0].waitForStatus { $0.lastError == nil && $0.keys?.keys.first?.id == "b" }
                #expect(await verifier.reason(against: server.token(kid: "b", by: b)) == nil)
            }
        }
    }

    @Test func aKeySetAddressNeedsNoDiscovery() async throws {
        let key = try TestKey.make(.edDSA)
        try await KeyServer.run { server in
            server.respond("/keys?v=1", with: ["keys": [try key.jwk(kid: "a")]])
            var issuer = IssuerConfiguration(issuer: "urn:issuer", audience: .oneOf(["simpleai"]))
            issuer.keys = .url(server.url + "/keys?v=1")
            try await withRunningVerifier(issuer) { verifier in
                await verifier.keysArrived()
                let token = TokenSketch(issuer: "urn:issuer", kid: "a", algorithm: .edDSA).signed(by: key)
                #expect(await verifier.reason(against: token) == nil)
            }
        }
    }

    @Test func aKeyFileIsReadAgainWhenItChanges() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await withTemporaryFile(keySet(a.jwk(kid: "a"))) { path in
            var issuer = IssuerConfiguration(issuer: "urn:issuer", audience: .oneOf(["simpleai"]))
            issuer.keys = .file(path: path)
            issuer.refreshInterval = .seconds(3600)
            try await withRunningVerifier(issuer) { verifier in
                await verifier.keysArrived()
                let old = TokenSketch(issuer: "urn:issuer", kid: "a").signed(by: a)
                #expect(await verifier.reason(against: old) == nil)

                try Data("nonsense".utf8).write(to: URL(fileURLWithPath: path))
                _ = await verifier.sources[0].waitForStatus { $0.lastError == .notJSON }
                #expect(await verifier.reason(against: old) == nil)

                try Data(keySet(b.jwk(kid: "bee"))).write(to: URL(fileURLWithPath: path))
                _ = await verifier.sources[0].waitForStatus { $0.keys?.keys.first?.id == "bee" }
                #expect(verifier.cachedCaller(for: old) == nil)
                #expect(await verifier.fault(of: old) == .unknownKey)
            }
        }
    }

    /// When the new keys are visible, all old ones are withdrawn: no token of an old key is cached any more.
    @Test func oldKeysAreWithdrawnBeforeNewOnesAreSeen() async throws {
        let many = try (0..<200).map { try TestKey.make(.es256).jwk(kid: "old-\($0)") }
        let one = try TestKey.make(.es256).jwk(kid: "new")
        try await withTemporaryFile(keySet(one)) { path in
            var issuer = IssuerConfiguration(issuer: "urn:issuer", audience: .oneOf(["simpleai"]))
            issuer.keys = .file(path: path)
            try await withRunningVerifier(issuer) { verifier in
                await verifier.keysArrived()
                let source = verifier.sources[0]
                for _ in 0..<20 {
                    try Data(JSONValue.object(["keys": .array(many)]).text.utf8).write(to: URL(fileURLWithPath: path))
                    let old = try #require(await source.waitForStatus { $0.keys?.keys.count == many.count }.keys?.keys)
                    try Data(keySet(one)).write(to: URL(fileURLWithPath: path))
                    // Polls instead of waiting for a signal, so that it sees the change as early as possible.
                    while source.keys?.keys.count != 1 { await Task.yield() }
                    #expect(old.lastIndex { !$0.isWithdrawn } == nil)
                }
            }
        }
    }

    @Test func waitsForAMissingKeyFile() async throws {
        var issuer = IssuerConfiguration(issuer: "urn:issuer", audience: .any)
        issuer.keys = .file(path: "/nonexistent/keys.json")
        try await withRunningVerifier(issuer) { verifier in
            let status = await verifier.sources[0].waitForStatus { $0.fetchesEnded >= 2 }
            guard case .unreadableFile = status.lastError else {
                Issue.record("unexpected \(String(describing: status.lastError))")
                return
            }
        }
    }

    /// Runs a verifier that has the key `a`, and a call with an unknown key id that waits for a fetch without a
    /// response.
    private func withWaitingCall(
        _ body: (KeyServer, JWTVerifier, Task<TokenFault?, Never>) async throws -> Void,
        afterwards: (JWTVerifier, Task<TokenFault?, Never>, String) async throws -> Void
    ) async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            let (known, unknown) = (server.token(kid: "a", by: key), server.token(kid: "z", by: key))
            var used: (JWTVerifier, Task<TokenFault?, Never>)?
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                server.respond("/jwks", with: .silence)
                let call = Task { await verifier.fault(of: unknown) }
                used = (verifier, call)
                var fetches = 0
                for await path in server.arrivals where path == "/jwks" {
                    fetches += 1
                    if fetches == 2 { break }
                }
                try await body(server, verifier, call)
            }
            let (verifier, call) = try #require(used)
            try await afterwards(verifier, call, known)
        }
    }

    @Test func theEndOfRunEndsEveryWait() async throws {
        try await withWaitingCall { _, _, _ in
        } afterwards: { verifier, call, known in
            #expect(await call.value == .unknownKey)
            // Known keys still verify tokens, and nothing more is fetched.
            #expect(await verifier.reason(against: known) == nil)
        }
    }

    @Test func aCancelledCallStopsWaitingAndTheFetchContinues() async throws {
        try await withWaitingCall { _, verifier, call in
            call.cancel()
            #expect(await call.value == .unknownKey)
            #expect(verifier.sources[0].status.fetchesEnded == 1)
        } afterwards: { _, _, _ in
        }
    }

    @Test func severalIssuersAreKeptApart() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { first in
            try await KeyServer.run { second in
                first.publish(try a.jwk(kid: "k"))
                second.publish(try b.jwk(kid: "k"))
                var other = IssuerConfiguration.of(second)
                other.audience = .oneOf(["other"])
                other.roleClaims = [.dotted("groups")]
                try await withRunningVerifier(.of(first), other) { verifier in
                    await verifier.keysArrived()
                    var token = TokenSketch(issuer: second.url)
                    token.claims = token.claims.with("aud", "other").with("groups", ["model:specific"])
                    let caller = try await verifier.caller(for: token.signed(by: b))
                    #expect(caller.roles == ["model:specific"])
                    #expect(!caller.isAdmin)
                    #expect(await verifier.fault(of: token.signed(by: a)) == .badSignature)
                    #expect(await verifier.reason(against: first.token(kid: "k", by: a)) == nil)
                    #expect(await verifier.fault(of: second.token(kid: "k", by: b)) == .wrongAudience)
                }
            }
        }
    }

    @Test func oneIssuerMayServeSeveralAudiences() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "k"))
            var other = IssuerConfiguration.of(server)
            other.audience = .oneOf(["other"])
            other.adminRole = "none"
            try await withRunningVerifier(.of(server), other) { verifier in
                await verifier.keysArrived()
                #expect(verifier.issuerStates.count == 1)
                #expect(server.requests(for: "/jwks") == 1)
                var token = TokenSketch(issuer: server.url)
                let first = try await verifier.caller(for: token.signed(by: key))
                #expect(first.isAdmin)
                token.claims = token.claims.with("aud", "other")
                let second = try await verifier.caller(for: token.signed(by: key))
                #expect(!second.isAdmin)
                token.claims = token.claims.with("aud", "third")
                #expect(await verifier.fault(of: token.signed(by: key)) == .wrongAudience)
            }
        }
    }
}

@Suite struct KeySourceFaultTests {
    @Test func anUntrustedAuthorityNamesItsSetting() {
        for reason in [
            "TLS: no trusted authority signed the certificate",
            "TLS: the certificate has expired, or no trusted authority signed it",
        ] {
            #expect("\(KeySourceFault.unreachable(reason: reason))".hasSuffix("set tls.ca_file of the issuer"))
        }
        #expect("\(KeySourceFault.unreachable(reason: "connection refused"))" == "not reachable: connection refused")
    }
}

extension KeySourceFault {
    /// Whether the response had this status; its address contains a port that varies.
    fileprivate func isStatus(_ code: Int) -> Bool {
        if case .status(code, let url) = self { url.hasPrefix("http") && "\(self)".contains(url) } else { false }
    }
}
