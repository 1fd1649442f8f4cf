import Foundation
import Synchronization
import Testing

@testable import TokenProviders

@Suite struct StoredTokenTests {
    private func keptToken(lifetime: Double) -> StoredToken? {
        let start = Date(timeIntervalSince1970: 1000)
        return StoredToken(ProvidedToken(text: "t", obtained: start, expires: start.addingTimeInterval(lifetime)))
    }

    /// Sixty seconds before the end, or a tenth of the lifetime if that is less.
    @Test(arguments: [(3600.0, 3540.0), (600, 540), (300, 270), (10, 9)])
    func isUsedUntilShortlyBeforeItsExpiry(lifetime: Double, end: Double) throws {
        let kept = try #require(keptToken(lifetime: lifetime))
        func text(_ age: Double) -> String? { kept.token(at: Date(timeIntervalSince1970: 1000 + age))?.text }
        #expect(text(0) == "t")
        #expect(text(end - 0.5) == "t")
        #expect(text(end) == nil)
        #expect(text(lifetime + 1000) == nil)
    }

    @Test func aTokenFromTheFutureIsNotUsed() throws {
        #expect(try #require(keptToken(lifetime: 300)).token(at: Date(timeIntervalSince1970: 999)) == nil)
    }

    @Test func doesNotStoreATokenWithoutExpiry() {
        #expect(StoredToken(ProvidedToken(text: "t", obtained: Date(), expires: nil)) == nil)
    }

    @Test func differentSpecificationsHaveDifferentNames() {
        let base = specification()
        var others = Array(repeating: base, count: 8)
        others[0].issuer = "https://other.example.org"
        others[1].client.id = "other"
        others[2].names = ["user=a"]
        others[3].names = ["role=a"]
        others[4].scopes = ["a"]
        others[5].resources = ["a"]
        others[6].audience = "a"
        others[7].wanted = .idToken
        let users =
            ["a", "b"].map { specification(.password(username: $0, password: "p")) } + [specification(.deviceCode)]
        var apart = [specification(), specification()]
        apart[0].scopes = ["ab", "c"]
        apart[1].scopes = ["a", "bc"]
        let requests = [base] + others + users + apart
        #expect(Set(requests.map(\.storageName)).count == requests.count)
    }

    /// A file's name must not allow an attacker to test passwords.
    @Test func secretsAreNotInTheName() {
        var changed = specification()
        changed.client.secret = "another"
        #expect(changed.storageName == specification().storageName)
        #expect(
            specification(.password(username: "a", password: "1")).storageName
                == specification(.password(username: "a", password: "2")).storageName)
    }
}

@Suite struct TokenStoreTests {
    private final class Memory: PrivateStore {
        struct Refusal: Error, CustomStringConvertible { let description: String }

        let contents = Mutex<[String: [UInt8]]>([:])
        let refusesToRead: Bool
        let refusesToWrite: Bool

        init(refusesToRead: Bool = false, refusesToWrite: Bool = false) {
            self.refusesToRead = refusesToRead
            self.refusesToWrite = refusesToWrite
        }

        func read(_ name: String) throws -> [UInt8]? {
            if refusesToRead { throw Refusal(description: "is readable by other users") }
            return contents.withLock { $0[name] }
        }

        func write(_ bytes: [UInt8], _ name: String) throws {
            if refusesToWrite { throw Refusal(description: "no space") }
            contents.withLock { $0[name] = bytes }
        }
    }

    private final class Asking: Sendable {
        let calls = Mutex(0)
        let time = Mutex(1000.0)
    }

    private let asking = Asking()

    private func token(_ store: Memory, _ specification: TokenSpecification = specification(), lifetime: Double? = 600)
        async throws -> String
    {
        let start = Date(timeIntervalSince1970: asking.time.withLock(\.self))
        let warned: @Sendable (String) -> Void = { _ in }
        let keeper = TokenStore(store: store, now: { start }, warn: warned)
        return try await keeper.token(for: specification) { () async throws(TokenProviderProblem) in
            let call = asking.calls.withLock { calls in
                calls += 1
                return calls
            }
            return ProvidedToken(text: "t\(call)", obtained: start, expires: lifetime.map { start + $0 })
        }.text
    }

    @Test func returnsAStoredToken() async throws {
        let store = Memory()
        #expect(try await token(store) == "t1")
        asking.time.withLock { $0 += 500 }
        #expect(try await token(store) == "t1")
        asking.time.withLock { $0 += 60 }
        #expect(try await token(store) == "t2")
    }

    @Test func specificationsDoNotShareTokens() async throws {
        let store = Memory()
        var admin = specification()
        admin.names = ["role=admin"]
        #expect(try await token(store) == "t1")
        #expect(try await token(store, admin) == "t2")
        #expect(try await token(store) == "t1")
    }

    @Test func replacesUnreadableContent() async throws {
        let store = Memory()
        store.contents.withLock { $0[specification().storageName] = Array("{\"token\":".utf8) }
        #expect(try await token(store) == "t1")
        #expect(try await token(store) == "t1")
    }

    @Test func failsIfTheStoreCannotBeTrusted() async {
        #expect(await problem { _ = try await token(Memory(refusesToRead: true)) } == "is readable by other users")
        #expect(asking.calls.withLock(\.self) == 0)
    }

    @Test func returnsATokenThatCannotBeStored() async throws {
        let said = Mutex<[String]>([])
        let keeper = TokenStore(store: Memory(refusesToWrite: true), now: { Date(timeIntervalSince1970: 0) }) { text in
            said.withLock { $0.append(text) }
        }
        let token = try await keeper.token(for: specification()) { () throws(TokenProviderProblem) in
            ProvidedToken(text: "t", obtained: Date(timeIntervalSince1970: 0), expires: Date(timeIntervalSince1970: 60))
        }
        #expect(token.text == "t")
        #expect(said.withLock(\.self) == ["caching the token failed: no space"])
    }
}
