import Foundation
import SimpleAICore
import TestSupport
import Testing

@testable import Authentication

/// The effect of a token with an unknown key: the source searches for the key soon, but rarely.
@Suite(.timeLimit(.minutes(5))) struct KeySearchTests {
    @Test func anUnknownKeyIDFetchesTheNewKeyAndWithdrawsTheOld() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.rs256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                let (old, new) = (server.token(kid: "a", by: a), server.token(kid: "b", by: b))
                #expect(await verifier.reason(against: old) == nil)
                #expect(verifier.cachedCaller(for: old) != nil)

                server.publish(try b.jwk(kid: "b"))
                #expect(await verifier.reason(against: new) == nil)
                #expect(verifier.cachedCaller(for: new) != nil)
                #expect(server.requests(for: "/jwks") == 2)
                #expect(server.requests(for: "/.well-known/openid-configuration") == 1)
                #expect(verifier.cachedCaller(for: old) == nil)
                #expect(await verifier.fault(of: old) == .unknownKey)
                #expect(verifier.cachedCaller(for: old) == nil)
            }
        }
    }

    @Test func aThousandRandomKeyIDsCauseAtMostFourFetches() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                let known = server.token(kid: "a", by: key)
                let before = server.requests(for: "/jwks")
                let faults = await withTaskGroup(of: TokenFault?.self) { group in
                    for number in 0..<1000 {
                        group.addTask {
                            let sketch = TokenSketch(issuer: server.url, kid: "random-\(number)")
                            return await verifier.fault(of: sketch.signed(by: key))
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(faults == Array(repeating: .unknownKey, count: 1000))
                // Further searches, one by one after those fetches have ended, add no fetch.
                for number in 0..<20 {
                    let late = TokenSketch(issuer: server.url, kid: "late-\(number)").signed(by: key)
                    #expect(await verifier.fault(of: late) == .unknownKey)
                }
                let fetches = server.requests(for: "/jwks") - before
                #expect((1...RefreshSchedule.maxBurst).contains(fetches))
                #expect(await verifier.reason(against: known) == nil)
            }
        }
    }

    /// A client that keeps sending a token whose key was withdrawn.
    @Test func doesNotRepeatAFailedSearchImmediately() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            server.publish(try key.jwk(kid: "a"))
            var limits = quickLimits
            limits.firstSearchPause = .seconds(3600)
            try await withRunningVerifier(.of(server, cooldown: .zero), limits: limits) { verifier in
                await verifier.keysArrived()
                let gone = server.token(kid: "gone", by: key)
                for _ in 0..<20 { #expect(await verifier.fault(of: gone) == .unknownKey) }
                #expect(server.requests(for: "/jwks") == 2)
                // The control: another key is requested immediately, also only once.
                for _ in 0..<20 {
                    #expect(await verifier.fault(of: server.token(kid: "other", by: key)) == .unknownKey)
                }
                #expect(server.requests(for: "/jwks") == 3)
            }
        }
    }

    /// A forged token, and then a new key: the search for the first must not delay the second.
    @Test func aFailedSearchDelaysNoOther() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                #expect(await verifier.fault(of: server.token(kid: "stale", by: b)) == .unknownKey)
                server.publish(try a.jwk(kid: "a"), try b.jwk(kid: "b"))
                #expect(await verifier.reason(against: server.token(kid: "b", by: b)) == nil)
            }
        }
    }

    /// While guesses have used up the burst, the search waits for the next fetch, which is soon.
    @Test func findsANewKeyDuringAFloodOfGuesses() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            // A fetch every 50 ms once the burst is spent.
            try await withRunningVerifier(.of(server, cooldown: .milliseconds(250))) { verifier in
                await verifier.keysArrived()
                let flood = Task {
                    for number in 0... where !Task.isCancelled {
                        _ = await verifier.fault(of: server.token(kid: "guess-\(number)", by: a))
                    }
                }
                for await path in server.arrivals where path == "/jwks" {
                    if server.requests(for: "/jwks") > RefreshSchedule.maxBurst + 2 { break }
                }
                server.publish(try a.jwk(kid: "a"), try b.jwk(kid: "b"))
                #expect(await verifier.reason(against: server.token(kid: "b", by: b)) == nil)
                flood.cancel()
            }
        }
    }

    /// Issuers replace a key and keep its id, or use no ids.
    @Test(arguments: ["k", nil]) func aReplacedKeyIsFound(id: String?) async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: id))
            try await withRunningVerifier(.of(server)) { verifier in
                await verifier.keysArrived()
                func token(_ key: TestKey) -> String { TokenSketch(issuer: server.url, kid: id).signed(by: key) }
                #expect(await verifier.reason(against: token(a)) == nil)
                server.publish(try b.jwk(kid: id))
                #expect(await verifier.reason(against: token(b)) == nil)
                #expect(await verifier.fault(of: token(a)) == .badSignature)
                // A bad signature does not cause repeated searches.
                let fetches = server.requests(for: "/jwks")
                for _ in 0..<20 {
                    let foreign = try TestKey.make(.es256)
                    #expect(await verifier.fault(of: token(foreign)) == .badSignature)
                }
                #expect(server.requests(for: "/jwks") - fetches <= 1)
            }
        }
    }

    /// A failing issuer has not reported that a key is unknown.
    @Test func anOutageDoesNotCountAsAFailedSearch() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            var limits = quickLimits
            limits.firstSearchPause = .seconds(3600)
            limits.firstRetry = .seconds(3600)
            limits.lastRetry = .seconds(3600)
            try await withRunningVerifier(.of(server, cooldown: .zero), limits: limits) { verifier in
                await verifier.keysArrived()
                server.respond("/jwks", with: .hangUp)
                let new = server.token(kid: "b", by: b)
                #expect(await verifier.fault(of: new) == .unknownKey)
                server.publish(try a.jwk(kid: "a"), try b.jwk(kid: "b"))
                #expect(await verifier.reason(against: new) == nil)
            }
        }
    }

    /// The refresh in progress got its response before the key was published, so its end decides nothing.
    @Test func aKeyPublishedDuringARefreshIsFoundByTheNextOne() async throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        try await KeyServer.run { server in
            server.publish(try a.jwk(kid: "a"))
            let gate = Gate()
            try await withRunningVerifier(.of(server, every: .milliseconds(10))) { verifier in
                await verifier.keysArrived()
                server.respond("/jwks", with: .held(Array(keySet(try a.jwk(kid: "a"))), until: gate))
                await gate.isReached()
                server.publish(try a.jwk(kid: "a"), try b.jwk(kid: "b"))
                async let reason = verifier.reason(against: server.token(kid: "b", by: b))
                while verifier.sources[0].waiterCount == 0 { await Task.yield() }
                gate.open()
                #expect(await reason == nil)
            }
        }
    }
}
