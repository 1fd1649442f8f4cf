import Foundation
import GRDB
import SimpleAICore
import Synchronization
import Testing

@testable import KeyStore

/// Real files, a clock of the test's own.
struct KeyStoreTests {
    private let folder: URL
    private let clock = Clock()

    private final class Clock: Sendable {
        private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        var now: Date { time.withLock { $0 } }
        func advance(by seconds: Double) { time.withLock { $0 += seconds } }
    }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private var path: String { folder.appending(path: "keys.db").path }

    private func open() throws -> KeyStore {
        try KeyStore(path: path, now: { [clock] in clock.now }) { key in
            Caller(subject: SubjectID("key:\(key.id)"), issuer: "", roles: key.roles, privileges: [])
        }
    }

    private func order(_ name: String = "laptop") -> APIKeyOrder {
        APIKeyOrder(name: name, roles: ["model:specific"], creator: "alice")
    }

    @Test func aKeyIsAcceptedAndNothingLikeItIs() throws {
        let store = try open()
        let (text, key) = try store.create(order())
        #expect(store.caller(for: text)?.subject.rawValue == "key:\(key.id)")
        #expect(store.caller(for: text)?.roles == ["model:specific"])
        #expect(text.hasPrefix("sk-simpleai-\(key.id)"))
        for index in text.indices {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "0" ? "1" : "0")
            #expect(store.caller(for: changed) == nil)
        }
        for wrong in [String(text.dropLast()), text + "0", "", "sk-simpleai-", "sk-simpleai-é" + text] {
            #expect(store.caller(for: wrong) == nil)
        }
    }

    @Test func itOutlivesTheProcessWithoutItsTextBeingStored() throws {
        let (text, key) = try open().create(
            APIKeyOrder(name: "büro", classes: ["fast"], expiry: clock.now + 3600, creator: "alice"))
        let later = try open()
        #expect(later.keys == [key])
        #expect(later.caller(for: text) != nil)
        #expect(key.classes == ["fast"] && key.expiry == clock.now + 3600 && key.creator == "alice")
        let secret = text.dropFirst("sk-simpleai-".count + 8)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            #expect(try Data(contentsOf: file).firstRange(of: Data(secret.utf8)) == nil, "\(file.lastPathComponent)")
        }
    }

    @Test func nobodyElseMayReadTheFile() throws {
        let store = try open()
        #expect(!FileManager.default.fileExists(atPath: path), "a file that nobody needs")
        _ = try store.create(order())
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func aRevokedKeyIsRefusedAtOnceAndForGood() throws {
        let store = try open()
        let (text, key) = try store.create(order())
        let (other, _) = try store.create(order("other"))
        clock.advance(by: 5)
        let revoked = try store.revoke(key.id).key
        #expect(revoked.revoked == clock.now && !revoked.isRevocationPending)
        #expect(store.caller(for: text) == nil)
        #expect(store.caller(for: other) != nil)
        clock.advance(by: 5)
        #expect(try store.revoke(key.id).key == revoked)
        #expect(try open().caller(for: text) == nil)
        #expect(throws: KeyStoreError.unknownKey(id: "nobody")) { try store.revoke("nobody") }
    }

    @Test func anExpiredKeyIsRefused() throws {
        let store = try open()
        var order = order()
        order.expiry = clock.now + 10
        let (text, _) = try store.create(order)
        clock.advance(by: 9.9)
        #expect(store.caller(for: text) != nil)
        clock.advance(by: 0.2)
        #expect(store.caller(for: text) == nil)
    }

    @Test func theLastUseIsKeptByTheMinuteAndWrittenOnDemand() throws {
        let store = try open()
        let (text, _) = try store.create(order())
        let first = clock.now
        for _ in 1...100 { _ = store.caller(for: text) }
        clock.advance(by: 59)
        _ = store.caller(for: text)
        #expect(store.keys.first?.lastUsed == first)
        #expect(try open().keys.first?.lastUsed == nil, "a call wrote to the database")
        clock.advance(by: 1)
        _ = store.caller(for: text)
        try store.noteUses()
        #expect(try open().keys.first?.lastUsed == first + 60)
    }

    @Test(arguments: [
        APIKeyOrder(name: "", creator: "a"), APIKeyOrder(name: "two\nlines", creator: "a"),
        APIKeyOrder(name: String(repeating: "x", count: 201), creator: "a"),
        APIKeyOrder(name: "x", roles: [""], creator: "a"), APIKeyOrder(name: "x", classes: [], creator: "a"),
        APIKeyOrder(name: "x", expiry: Date(timeIntervalSince1970: 0), creator: "a"),
    ])
    func ordersThatMakeNoSenseAreRefused(order: APIKeyOrder) throws {
        let store = try open()
        #expect(throws: KeyStoreError.self) { try store.create(order) }
        #expect(store.keys.isEmpty)
    }

    @Test func aFileThatIsNoDatabaseIsToldAndLeftAlone() throws {
        let content = Data("this is no database, and long enough to be taken for one by nobody at all".utf8)
        try content.write(to: URL(fileURLWithPath: path))
        #expect { try open() } throws: { "\($0)".contains(path) && "\($0)".contains("keys.database") }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
        let nowhere = try KeyStore(path: folder.appending(path: "missing/keys.db").path) { _ in .anonymous }
        #expect(throws: KeyStoreError.self) { try nowhere.create(order()) }
        #expect(nowhere.keys.isEmpty)
    }

    @Test func aRevocationIsInForceBeforeItCanBeWritten() throws {
        let store = try open()
        let (text, key) = try store.create(order())
        let (other, _) = try store.create(order("other"))
        let locker = try DatabaseQueue(path: path)
        try locker.inDatabase { database in
            try database.execute(sql: "BEGIN EXCLUSIVE")
            clock.advance(by: 5)
            let (revoked, failure) = try store.revoke(key.id)
            #expect(revoked.revoked == clock.now && revoked.isRevocationPending)
            guard case .notWritten? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(store.caller(for: text) == nil && store.caller(for: other) != nil)
            #expect(store.keys.first { $0.id == key.id }?.isRevocationPending == true)
            #expect(store.pendingRevocations == [key.id])
            #expect(throws: KeyStoreError.self) { try store.writeRevocations() }
            try database.execute(sql: "COMMIT")
        }
        clock.advance(by: 60)
        try store.writeRevocations()
        #expect(store.pendingRevocations.isEmpty)
        let written = try open()
        #expect(written.caller(for: text) == nil)
        // When it was revoked, not when that was written.
        #expect(written.keys.first { $0.id == key.id }?.revoked == clock.now - 60)
    }

    @Test func aDatabaseOfANewerVersionIsLeftAlone() throws {
        _ = try open().create(order())
        try DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('of the future')")
        }
        let error = #expect(throws: KeyStoreError.self) { try open() }
        #expect(error.map { "\($0)" }?.contains("newer version") == true)
    }

    @Test func keysNeverRepeatAndUseTheWholeAlphabet() {
        let keys = (0..<500).map { _ in APIKeyText.make() }
        #expect(Set(keys.map(\.text)).count == 500)
        #expect(Set(keys.flatMap { $0.text.dropFirst("sk-simpleai-".count) }).count == 62)
        for key in keys { #expect(APIKeyText.id(in: key.text) == key.id) }
    }
}
