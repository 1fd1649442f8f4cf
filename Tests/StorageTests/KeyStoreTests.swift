import Foundation
import GRDB
import SimpleAICore
import Synchronization
import Testing

@testable import Storage

/// Real files, and a clock that the test sets.
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

    private func open(_ revocationPaths: [String] = []) throws -> KeyStore {
        try KeyStore(path: path, revocationPaths: revocationPaths, now: { [clock] in clock.now }) { key in
            Caller(subject: SubjectID("key:\(key.id)"), issuer: "", roles: key.roles, privileges: [])
        }
    }

    private func newKey(_ name: String = "laptop") -> NewAPIKey {
        NewAPIKey(name: name, roles: ["model:specific"], creator: "alice")
    }

    @Test func acceptsOnlyTheExactKey() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
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

    @Test func keysCreatedAtTheSameTimeStayWithinTheLimit() async throws {
        let store = try KeyStore(path: path, limit: 5) { key in
            Caller(subject: SubjectID("key:\(key.id)"), issuer: "", roles: key.roles, privileges: [])
        }
        let (created, refused) = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask { [key = newKey("key \(number)")] in
                    do throws(KeyStoreError) {
                        _ = try store.create(key)
                        return true
                    } catch {
                        guard case .full(limit: 5) = error else { Issue.record("\(error)"); return false }
                        return false
                    }
                }
            }
            return await group.reduce(into: (0, 0)) { counts, isCreated in
                if isCreated { counts.0 += 1 } else { counts.1 += 1 }
            }
        }
        #expect(created == 5 && refused == 35)
        #expect(try open().keys.count == 5)
    }

    @Test func persistsKeysWithoutTheirText() throws {
        let (text, key) = try open().create(
            NewAPIKey(name: "büro", classes: ["fast"], expiry: clock.now + 3600, creator: "alice"))
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

    /// Files of earlier versions contain dates in this form, which GRDB reads.
    @Test(arguments: [
        (0, "1970-01-01 00:00:00.000"), (1_800_000_000.5, "2027-01-15 08:00:00.500"),
        (951_827_696, "2000-02-29 12:34:56.000"),
    ])
    func datesAreStoredInTheFormOfEarlierVersions(_ seconds: Double, _ text: String) {
        #expect(KeyDatabase.text(Date(timeIntervalSince1970: seconds)) == text)
    }

    @Test func onlyTheOwnerMayReadTheFile() throws {
        let store = try open()
        #expect(!FileManager.default.fileExists(atPath: path), "no file without a key")
        _ = try store.create(newKey())
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func aRevokedKeyIsRefusedImmediatelyAndPermanently() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
        let (other, _) = try store.create(newKey("other"))
        clock.advance(by: 5)
        let revoked = try store.revoke(key.id).key
        #expect(revoked.revoked == clock.now && !revoked.isRevocationPending)
        #expect(store.caller(for: text) == nil)
        #expect(store.caller(for: other) != nil)
        clock.advance(by: 5)
        #expect(try store.revoke(key.id).key == revoked)
        #expect(try open().caller(for: text) == nil)
        #expect(throws: KeyStoreError.unknownKey(id: "absent")) { try store.revoke("absent") }
    }

    @Test func anExpiredKeyIsRefused() throws {
        let store = try open()
        var newKey = newKey()
        newKey.expiry = clock.now + 10
        let (text, _) = try store.create(newKey)
        clock.advance(by: 9.9)
        #expect(store.caller(for: text) != nil)
        clock.advance(by: 0.2)
        #expect(store.caller(for: text) == nil)
    }

    @Test func theLastUseIsKeptByTheMinuteAndWrittenOnDemand() throws {
        let store = try open()
        let (text, _) = try store.create(newKey())
        let first = clock.now
        for _ in 1...100 { _ = store.caller(for: text) }
        clock.advance(by: 59)
        _ = store.caller(for: text)
        #expect(store.keys.first?.lastUsed == first)
        #expect(try open().keys.first?.lastUsed == nil, "a call wrote to the database")
        clock.advance(by: 1)
        _ = store.caller(for: text)
        try store.writeLastUse()
        #expect(try open().keys.first?.lastUsed == first + 60)
    }

    @Test(arguments: [
        NewAPIKey(name: "", creator: "a"), NewAPIKey(name: "two\nlines", creator: "a"),
        NewAPIKey(name: String(repeating: "x", count: 201), creator: "a"),
        NewAPIKey(name: "x", roles: [""], creator: "a"), NewAPIKey(name: "x", classes: [], creator: "a"),
        NewAPIKey(name: "x", expiry: Date(timeIntervalSince1970: 0), creator: "a"),
    ])
    func refusesInvalidKeys(newKey: NewAPIKey) throws {
        let store = try open()
        #expect(throws: KeyStoreError.self) { try store.create(newKey) }
        #expect(store.keys.isEmpty)
    }

    @Test func reportsAFileThatIsNotADatabaseAndKeepsIt() throws {
        let content = Data("this is no database, and long enough to be taken for one by no reader at all".utf8)
        try content.write(to: URL(fileURLWithPath: path))
        #expect { try open() } throws: { "\($0)".contains(path) && "\($0)".contains("keys.database") }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
        let nowhere = try KeyStore(path: folder.appending(path: "missing/keys.db").path) { _ in .anonymous }
        #expect(throws: KeyStoreError.self) { try nowhere.create(newKey()) }
        #expect(nowhere.keys.isEmpty)
    }

    @Test func aRevocationTakesEffectBeforeItIsWritten() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
        let (other, _) = try store.create(newKey("other"))
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
        // The time of the revocation, not the time of the write.
        #expect(written.keys.first { $0.id == key.id }?.revoked == clock.now - 60)
    }

    // MARK: Revocations that outlive the process

    private var besideDatabase: String { path + ".revocations" }

    /// Runs the body while the database can be read but not written.
    private func withLockedDatabase(_ body: () throws -> Void) throws {
        try DatabaseQueue(path: path).inDatabase { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            defer { #expect(throws: Never.self) { try database.execute(sql: "COMMIT") } }
            try body()
        }
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test func anUnwrittenRevocationSurvivesARestart() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
        let (secondText, second) = try store.create(newKey("second"))
        let (other, _) = try store.create(newKey("other"))
        #expect(!exists(besideDatabase))
        let revokedAt = clock.now
        try withLockedDatabase {
            try store.revoke(key.id)
            clock.advance(by: 5)
            try store.revoke(second.id)
            #expect(store.revocationFilePath == besideDatabase)
            let mode = try FileManager.default.attributesOfItem(atPath: besideDatabase)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            // The process ends here, and another one starts, while the database is still locked.
            let restarted = try open()
            #expect(restarted.caller(for: text) == nil && restarted.caller(for: secondText) == nil)
            #expect(restarted.caller(for: other) != nil)
            #expect(Set(restarted.pendingRevocations) == [key.id, second.id])
            #expect(restarted.keys.first { $0.id == key.id }?.revoked == revokedAt)
        }
        // And a third one, once the database can be written.
        let later = try open()
        #expect(later.caller(for: text) == nil && later.pendingRevocations.isEmpty)
        #expect(!exists(besideDatabase), "the database has them")
        #expect(try open().caller(for: secondText) == nil)
    }

    @Test func writesRevocationsToTheFirstWritablePath() throws {
        let elsewhere = folder.appending(path: "elsewhere.revocations").path
        let store = try open([elsewhere])
        let (text, key) = try store.create(newKey())
        // The file next to the database cannot be written: a directory has its name.
        try FileManager.default.createDirectory(atPath: besideDatabase, withIntermediateDirectories: false)
        try withLockedDatabase {
            try store.revoke(key.id)
            #expect(store.revocationFilePath == elsewhere)
            try FileManager.default.removeItem(atPath: besideDatabase)
            #expect(try open([elsewhere]).caller(for: text) == nil)
        }
        try store.writeRevocations()
        #expect(!exists(elsewhere) && store.revocationFilePath == nil)
    }

    @Test func missingStorageIsReported() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
        try FileManager.default.createDirectory(atPath: besideDatabase, withIntermediateDirectories: false)
        try withLockedDatabase {
            let (_, failure) = try store.revoke(key.id)
            #expect(failure != nil && store.revocationFilePath == nil && store.pendingRevocations == [key.id])
            #expect(store.caller(for: text) == nil)
            // A start that cannot read the pending revocations fails.
            let error = #expect(throws: KeyStoreError.self) { try open() }
            #expect(error.map { "\($0)" }?.contains(besideDatabase) == true)
            // The next attempt finds the path free.
            try FileManager.default.removeItem(atPath: besideDatabase)
            #expect(throws: KeyStoreError.self) { try store.writeRevocations() }
            #expect(store.revocationFilePath == besideDatabase)
        }
        try store.writeRevocations()
        #expect(store.pendingRevocations.isEmpty && !exists(besideDatabase))
    }

    /// A disk that fills up in the middle of a line, a manual edit, a file of an older version.
    @Test func skipsMalformedLines() throws {
        let store = try open()
        let (text, key) = try store.create(newKey())
        let (other, otherKey) = try store.create(newKey("other"))
        let lines = [
            "", "abc", "\(otherKey.id)", "\(otherKey.id) ", "\(otherKey.id) x", "\(otherKey.id) -1",
            "\(otherKey.id) 99999999999999", "../../x1 5", "zzzzzzzz 5", "\(key.id) 1800000000", "\(key.id) 18000",
        ]
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: besideDatabase))
        let restarted = try open()
        #expect(restarted.caller(for: text) == nil && restarted.caller(for: other) != nil)
        #expect(!exists(besideDatabase))
        #expect(try open().keys.first { $0.id == key.id }?.revoked == Date(timeIntervalSince1970: 18_000))
        // Revoked already, or unknown: neither needs to be kept.
        try Data("\(key.id) 18000\nzzzzzzzz 5\n".utf8).write(to: URL(fileURLWithPath: besideDatabase))
        #expect(try open().pendingRevocations.isEmpty)
        #expect(!exists(besideDatabase))
    }

    @Test func refusesADatabaseOfANewerVersion() throws {
        _ = try open().create(newKey())
        try DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('of the future')")
        }
        let error = #expect(throws: KeyStoreError.self) { try open() }
        #expect(error.map { "\($0)" }?.contains("newer version") == true)
    }

    @Test func aDamagedDatabaseIsNotCopied() throws {
        let store = try open()
        for number in 0..<200 { _ = try store.create(newKey("key \(number)")) }
        let copy = folder.appending(path: "copy.db").path
        try KeyStore.copy(from: path, to: copy)
        #expect(KeyStore.peek(path: copy).count == 200)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: size / 4096 / 2 * 4096)
        try file.write(contentsOf: Data(repeating: 0xAA, count: 4096))
        try file.close()
        let error = #expect(throws: KeyStoreError.self) {
            try KeyStore.copy(from: path, to: folder.appending(path: "second.db").path)
        }
        guard case .unusable(path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func keysAreUniqueAndUseTheFullAlphabet() {
        let keys = (0..<500).map { _ in APIKeyText.make() }
        #expect(Set(keys.map(\.text)).count == 500)
        #expect(Set(keys.flatMap { $0.text.dropFirst("sk-simpleai-".count) }).count == 62)
        for key in keys { #expect(APIKeyText.id(in: key.text) == key.id) }
    }
}
