import SimpleAICore
import TestSupport
import Testing

@testable import Authentication

extension VerifiedTokenCache {
    fileprivate func caller(for token: String, at now: Double) -> Caller? {
        caller(for: TokenDigest(of: token), at: now)
    }
}

@Suite(.timeLimit(.minutes(5))) struct VerifiedTokenCacheTests {
    private let caller = Caller(subject: "alice", issuer: "i", roles: ["r"], privileges: [])

    private func key() throws -> VerifyingKey {
        try JSONWebKey.verifyingKey(from: TestKey.make(.es256).jwk(), algorithms: [])
    }

    @Test func remembersUntilTheTokenExpires() throws {
        let cache = VerifiedTokenCache()
        cache.remember(caller, for: "t", until: 100, signedBy: try key(), at: 0)
        #expect(cache.caller(for: "t", at: 99.9) == caller)
        #expect(cache.caller(for: "u", at: 0) == nil)
        #expect(cache.caller(for: "t", at: 100) == nil)
        #expect(cache.count == 0)
    }

    @Test func forgetsWhenTheKeyIsWithdrawn() throws {
        let cache = VerifiedTokenCache()
        let (stays, goes) = (try key(), try key())
        cache.remember(caller, for: "a", until: 100, signedBy: stays, at: 0)
        cache.remember(caller, for: "b", until: 100, signedBy: goes, at: 0)
        #expect(cache.caller(for: "b", at: 0) != nil)
        goes.withdraw()
        #expect(cache.caller(for: "b", at: 0) == nil)
        #expect(cache.caller(for: "a", at: 0) != nil)
        // A verification that was in progress when the key was withdrawn adds nothing.
        cache.remember(caller, for: "b", until: 100, signedBy: goes, at: 0)
        #expect(cache.caller(for: "b", at: 0) == nil)
    }

    @Test func aFloodOfTokensNeitherGrowsItNorEvictsUsedEntries() throws {
        let cache = VerifiedTokenCache(capacity: 1000)
        let key = try key()
        cache.remember(caller, for: "regular", until: 100, signedBy: key, at: 0)
        for number in 0..<50_000 {
            cache.remember(caller, for: "flood-\(number)", until: 100, signedBy: key, at: 0)
            if number % 10 == 0 { #expect(cache.caller(for: "regular", at: 0) != nil) }
        }
        #expect(cache.count <= 1008)
        #expect(cache.count >= 1000)
        #expect(cache.caller(for: "flood-0", at: 0) == nil)
        #expect(cache.caller(for: "flood-49999", at: 0) != nil)
    }

    /// One caller sends a new token with every call, while others keep theirs and rarely use them.
    @Test func aFloodOfOneCallersTokensEvictsNoOtherCaller() throws {
        let cache = VerifiedTokenCache(capacity: 1000)
        let key = try key()
        for number in 0..<300 {
            let other = Caller(subject: SubjectID("other-\(number)"), issuer: "i", roles: [], privileges: [])
            cache.remember(other, for: "other-\(number)", until: 100, signedBy: key, at: 0)
        }
        for number in 0..<50_000 {
            cache.remember(caller, for: "flood-\(number)", until: 100, signedBy: key, at: 0)
        }
        #expect((0..<300).allSatisfy { cache.caller(for: "other-\($0)", at: 0) != nil })
        #expect(cache.caller(for: "flood-49999", at: 0) != nil)
        #expect((900...1008).contains(cache.count))
    }

    /// A caller with hundreds of groups, and a new token for every call.
    @Test func aFloodOfLargeCallersDoesNotExceedTheSize() throws {
        let limit = 1 << 20
        let cache = VerifiedTokenCache(capacity: 100_000, size: limit)
        let key = try key()
        let large = Caller(
            subject: "large", issuer: "i", roles: Set((0..<300).map { Role("/departments/group-\($0)") }),
            privileges: [])
        for number in 0..<5_000 {
            cache.remember(large, for: "flood-\(number)", until: 100, signedBy: key, at: 0)
            #expect(cache.size <= limit)
        }
        // About sixty bytes per role: the size suffices for some fifty such tokens, and for hundreds of others.
        #expect((16...80).contains(cache.count), "\(cache.count)")
        #expect(cache.caller(for: "flood-4999", at: 0) == large)
        for number in 0..<2_000 { cache.remember(caller, for: "small-\(number)", until: 100, signedBy: key, at: 0) }
        #expect(cache.count > 1_000)
        #expect(cache.size <= limit)
    }

    @Test func aLargeCallerReplacesSeveralSmallOnes() throws {
        let limit = 20_000
        let cache = VerifiedTokenCache(capacity: 1_000, size: limit, shards: 1)
        let key = try key()
        for number in 0..<200 { cache.remember(caller, for: "small-\(number)", until: 100, signedBy: key, at: 0) }
        let before = cache.count
        #expect(before > 50)
        let large = Caller(
            subject: "large", issuer: "i", roles: Set((0..<300).map { Role("group-\($0)") }), privileges: [])
        cache.remember(large, for: "large", until: 100, signedBy: key, at: 0)
        #expect(cache.caller(for: "large", at: 0) == large)
        #expect(cache.count < before / 2)
        #expect(cache.size <= limit)
    }

    @Test func doesNotStoreACallerLargerThanTheCache() throws {
        let cache = VerifiedTokenCache(capacity: 100, size: 4096, shards: 1)
        let key = try key()
        cache.remember(caller, for: "small", until: 100, signedBy: key, at: 0)
        let large = Caller(
            subject: "large", issuer: "i", roles: Set((0..<300).map { Role("group-\($0)") }), privileges: [])
        cache.remember(large, for: "large", until: 100, signedBy: key, at: 0)
        #expect(cache.caller(for: "large", at: 0) == nil)
        #expect(cache.caller(for: "small", at: 0) == caller)
    }

    @Test func staysConsistentUnderRandomUse() throws {
        var random = SeededGenerator(seed: 7)
        let cache = VerifiedTokenCache(capacity: 20, shards: 2)
        let key = try key()
        var expiries: [String: Double] = [:]
        for step in 0..<20_000 {
            let now = Double(step) / 100
            let token = "t\(Int.random(in: 0..<60, using: &random))"
            if Bool.random(using: &random) {
                let expiry = now + Double.random(in: 0..<5, using: &random)
                cache.remember(
                    Caller(subject: SubjectID(token), issuer: "", roles: [], privileges: []), for: token, until: expiry,
                    signedBy: key, at: now)
                expiries[token] = expiry
            } else if let found = cache.caller(for: token, at: now) {
                #expect(found.subject.rawValue == token)
                #expect(now < expiries[token] ?? 0)
            }
            #expect(cache.count <= 20)
        }
    }

    @Test func theVerifierCachesCallersUntilExpiry() async throws {
        let key = try TestKey.make(.es256)
        let clock = SettableClock()
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), clock: clock) { verifier in
            let token = TokenSketch().signed(by: key)
            #expect(verifier.cachedCaller(for: token) == nil)
            let caller = try await verifier.caller(for: token)
            #expect(verifier.cachedCaller(for: token) == caller)
            #expect(verifier.cachedCaller(for: token + "A") == nil)
            clock.advance(by: 3629)
            #expect(verifier.cachedCaller(for: token) == caller)
            clock.advance(by: 1)
            #expect(verifier.cachedCaller(for: token) == nil)
            #expect(await verifier.fault(of: token) == .expired)
            #expect(verifier.cachedCaller(for: token) == nil)
        }
    }
}
