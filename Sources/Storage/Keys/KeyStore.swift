public import Foundation
public import SimpleAICore
import Synchronization

/// The API keys of clients that do not support OpenID Connect: in memory for the data plane, in a database for
/// persistence.
///
/// A key is returned once, when it is created; only a digest is stored. Checking a key does not access the disk; `writeLastUse()`
/// writes the last use of all keys periodically. A new key is written before it is returned. A revocation takes effect
/// immediately, even if the disk is full or the database is locked. Until the database contains it, a separate file does, so
/// that a restart does not reactivate the key.
public final class KeyStore: Sendable {
    /// Maximum number of keys, including revoked ones. All of them are in memory.
    public static let limit = 10_000
    private static let maxNameLength = 200

    private struct Entry {
        var key: APIKey
        let digest: [UInt8]
        let caller: Caller
    }

    private struct State {
        var entries: [ExactString: Entry] = [:]
        /// Uses that the database does not contain yet.
        var uses: [ExactString: Date] = [:]
        /// Revocations that the database does not contain yet.
        var revocations: [ExactString: Date] = [:]
        /// The path and the contents of the file of pending revocations.
        var written: (path: String, revocations: [ExactString: Date])?
    }

    private let path: String
    private let limit: Int
    private let revocationFile: RevocationFile
    private let state: Mutex<State>
    /// Nil until the file exists; the lock serializes changes.
    private let database: Mutex<KeyDatabase?>
    /// Serializes writing and removing the file of pending revocations.
    private let fileLock = Mutex(())
    private let now: @Sendable () -> Date
    private let caller: @Sendable (APIKey) -> Caller

    /// Opens the database if it exists; otherwise the first key creates it. Blocks.
    /// - Parameters:
    ///   - revocationPaths: files for revocations that the database does not contain yet, tried after
    ///     `PATH.revocations`.
    ///   - caller: the caller that a key identifies; the gateway interprets its roles.
    ///   - limit: maximum number of keys, including revoked ones.
    ///   - now: the wall clock; tests replace it.
    /// - Throws: `KeyStoreError.unusable`, `KeyStoreError.unreadableRevocations`.
    public init(
        path: String, revocationPaths: [String] = [], limit: Int = KeyStore.limit,
        now: @escaping @Sendable () -> Date = { Date() },
        caller: @escaping @Sendable (APIKey) -> Caller
    ) throws(KeyStoreError) {
        self.path = path
        self.limit = limit
        revocationFile = RevocationFile(paths: [path + ".revocations"] + revocationPaths)
        self.now = now
        self.caller = caller
        var state = State()
        var database: KeyDatabase?
        var isOutdated = false
        if FileManager.default.fileExists(atPath: path) {
            let opened = try KeyDatabase(path: path)
            do {
                for row in try opened.all() {
                    let key = APIKey(row)
                    state.entries[ExactString(key.id)] = Entry(
                        key: key, digest: Array(row.digest), caller: caller(key))
                }
            } catch {
                throw .unusable(path: path, reason: KeyDatabase.reason(error))
            }
            database = opened
            let written = try revocationFile.read()
            for (id, time) in written where state.entries[id] != nil && state.entries[id]?.key.revoked == nil {
                state.entries[id]?.key.revoked = time
                state.entries[id]?.key.isRevocationPending = true
                state.revocations[id] = time
            }
            isOutdated = !written.isEmpty && state.revocations.isEmpty
        }
        self.state = Mutex(state)
        self.database = Mutex(database)
        // The next write reports why the database cannot be written.
        if isOutdated { revocationFile.remove() } else { try? writeRevocations() }
    }

    /// The caller that `text` identifies; nil if it is not a key, or the key is unknown, revoked or expired, or its secret is
    /// wrong. Does not block, and takes the same time for every wrong secret.
    public func caller(for text: String) -> Caller? {
        guard let id = APIKeyText.id(in: text) else { return nil }
        let digest = APIKeyText.digest(of: text)
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries[ExactString(id)], APIKeyText.isSame(entry.digest, digest),
                entry.key.isActive(at: now)
            else { return nil }
            // To the minute: a busy key causes one write per minute, not one per call.
            if entry.key.lastUsed.map({ now.timeIntervalSince($0) >= 60 }) ?? true {
                state.entries[ExactString(id)]?.key.lastUsed = now
                state.uses[ExactString(id)] = now
            }
            return entry.caller
        }
    }

    /// Why `caller(for:)` returns nil for a text. Returns `.unknown` unless the text contains the key's secret.
    public func fault(of text: String) -> APIKeyFault {
        guard let id = APIKeyText.id(in: text) else { return .unknown }
        let digest = APIKeyText.digest(of: text)
        guard let entry = state.withLock({ $0.entries[ExactString(id)] }), APIKeyText.isSame(entry.digest, digest)
        else {
            return .unknown
        }
        return entry.key.revoked == nil ? .expired : .revoked
    }

    /// The keys in a database that another process may use; read only. Empty if there is no database, or if it cannot
    /// be read. Blocks.
    public static func peek(path: String) -> [APIKey] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return KeyDatabase.peek(path: path).map { APIKey($0) }
    }

    /// Why a key database cannot be used; nil if it can, or does not exist. Changes nothing. Blocks.
    public static func fault(path: String) -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return KeyDatabase.fault(path: path)
    }

    /// Copies a database that another process may use, as of one moment, and checks the copy. Blocks.
    /// - Throws: `KeyStoreError.unusable`, also if its content is damaged.
    public static func copy(from path: String, to copy: String) throws(KeyStoreError) {
        try KeyDatabase.copy(from: path, to: copy)
    }

    /// All keys, oldest first.
    public var keys: [APIKey] {
        state.withLock { $0.entries.values.map(\.key) }.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// Creates a key. Blocks until it is written.
    /// - Returns: the key's text, which cannot be shown again, and its record.
    public func create(_ newKey: NewAPIKey) throws(KeyStoreError) -> (text: String, key: APIKey) {
        let now = now()
        try Self.check(newKey, at: now)
        let (text, id) = APIKeyText.make()
        let key = APIKey(
            id: id, name: newKey.name, roles: newKey.roles, classes: newKey.classes, created: now,
            creator: newKey.creator, expiry: newKey.expiry)
        let digest = APIKeyText.digest(of: text)
        let entry = Entry(key: key, digest: digest, caller: caller(key))
        // Keys that are created at the same time are counted one after the other: `write` is a critical section.
        try write { database in
            guard state.withLock({ $0.entries.count }) < limit else { throw KeyStoreError.full(limit: limit) }
            try database.insert(KeyDatabase.Row(key, digest: digest))
            state.withLock { $0.entries[ExactString(id)] = entry }
        }
        return (text, key)
    }

    /// Revokes a key permanently, effective immediately. Blocks until the revocation is written, or writing has failed.
    /// Revoking it again has no effect.
    /// - Returns: the key, and why its revocation is not written yet (`writeRevocations` retries); nil if it is.
    /// - Throws: `KeyStoreError.unknownKey`.
    @discardableResult
    public func revoke(_ id: String) throws(KeyStoreError) -> (key: APIKey, failure: KeyStoreError?) {
        let now = now()
        let exactID = ExactString(id)
        let isKnown = state.withLock { state in
            guard let entry = state.entries[exactID] else { return false }
            if entry.key.revoked == nil {
                state.entries[exactID]?.key.revoked = now
                state.entries[exactID]?.key.isRevocationPending = true
                state.revocations[exactID] = now
            }
            return true
        }
        guard isKnown else { throw .unknownKey(id: id) }
        var failure: KeyStoreError?
        do throws(KeyStoreError) {
            try writeRevocations()
        } catch {
            failure = error
        }
        guard let key = state.withLock({ $0.entries[exactID]?.key }) else { throw .unknownKey(id: id) }
        return (key, failure)
    }

    /// Ids of revoked keys whose revocation the database does not contain yet: unless `revocationFilePath` contains it, a
    /// restart would reactivate these keys.
    public var pendingRevocations: [String] { state.withLock { $0.revocations.keys.sorted().map(\.rawValue) } }

    /// The file that contains all `pendingRevocations`, so that a restart finds them; nil if no file could be written,
    /// or there are none.
    public var revocationFilePath: String? {
        state.withLock { state in
            guard !state.revocations.isEmpty, let written = state.written, written.revocations == state.revocations
            else {
                return nil
            }
            return written.path
        }
    }

    /// Writes the pending revocations to the database, or if that fails to the file of pending revocations. Blocks.
    /// - Throws: the reason why the database could not be written.
    public func writeRevocations() throws(KeyStoreError) {
        let (revocations, fileIsCurrent) = state.withLock {
            ($0.revocations, $0.written?.revocations == $0.revocations)
        }
        guard !revocations.isEmpty else { return }
        do throws(KeyStoreError) {
            try write { try $0.revoke(revocations) }
        } catch {
            if !fileIsCurrent { writeRevocationFile() }
            throw error
        }
        let isDone = state.withLock { state in
            for id in revocations.keys {
                state.revocations[id] = nil
                state.entries[id]?.key.isRevocationPending = false
            }
            return state.revocations.isEmpty
        }
        if isDone { removeRevocationFile() }
    }

    /// Writes the file of pending revocations. Each write contains all that are pending at that time, so a later file never
    /// lacks one.
    private func writeRevocationFile() {
        fileLock.withLock { _ in
            let revocations = state.withLock { $0.revocations }
            guard !revocations.isEmpty, let path = try? revocationFile.write(revocations) else { return }
            state.withLock { $0.written = (path, revocations) }
        }
    }

    /// Removes the file once the database contains all revocations, unless a new one is pending.
    private func removeRevocationFile() {
        fileLock.withLock { _ in
            guard state.withLock({ $0.revocations.isEmpty }) else { return }
            revocationFile.remove()
            state.withLock { $0.written = nil }
        }
    }

    /// Writes the times of last use. Blocks. If writing fails, the next call retries.
    public func writeLastUse() throws(KeyStoreError) {
        let uses = state.withLock { state in
            defer { state.uses = [:] }
            return state.uses
        }
        guard !uses.isEmpty else { return }
        do throws(KeyStoreError) {
            try write { try $0.writeLastUse(uses) }
        } catch {
            state.withLock { $0.uses.merge(uses) { newer, _ in newer } }
            throw error
        }
    }

    private func write(_ change: (KeyDatabase) throws -> Void) throws(KeyStoreError) {
        let failure: KeyStoreError? = database.withLock { database in
            do {
                let opened = try database ?? KeyDatabase(path: path)
                database = opened
                try change(opened)
                return nil
            } catch let error as KeyStoreError {
                return error
            } catch {
                return .notWritten(reason: KeyDatabase.reason(error))
            }
        }
        if let failure { throw failure }
    }

    private static func check(_ newKey: NewAPIKey, at now: Date) throws(KeyStoreError) {
        let name = newKey.name
        if let fault = NameFault(in: name, maxLength: maxNameLength) {
            throw .invalidKey(reason: "invalid key name: it \(fault)")
        }
        for role in newKey.roles {
            if let fault = NameFault(in: role.rawValue) { throw .invalidKey(reason: "invalid role: it \(fault)") }
        }
        for name in newKey.classes ?? [] {
            if let fault = NameFault(in: name.rawValue) {
                throw .invalidKey(reason: "invalid class name: it \(fault)")
            }
        }
        guard newKey.classes.map({ !$0.isEmpty }) ?? true else {
            throw .invalidKey(
                reason: "classes is empty; list at least one class, or omit it for all classes")
        }
        guard newKey.expiry.map({ $0 > now }) ?? true else {
            throw .invalidKey(reason: "a key's expiry must be in the future")
        }
    }
}

extension APIKey {
    init(_ row: KeyDatabase.Row) {
        self.init(
            id: row.id, name: row.name, roles: Set(row.roles.map { Role($0) }),
            classes: row.classes.map { Set($0.map { ClassName($0) }) }, created: row.created, creator: row.creator,
            expiry: row.expiry, revoked: row.revoked, lastUsed: row.lastUsed)
    }
}

extension KeyDatabase.Row {
    init(_ key: APIKey, digest: [UInt8]) {
        self.init(
            id: key.id, digest: Data(digest), name: key.name, roles: key.roles.sorted().map(\.rawValue),
            classes: key.classes.map { $0.sorted().map(\.rawValue) }, created: key.created, creator: key.creator,
            expiry: key.expiry, revoked: key.revoked, lastUsed: key.lastUsed)
    }
}
