import Foundation
import GRDB
import SimpleAICore

/// The database of the key store: SQLite, one writer, migrations in order. Its methods block, so they must not be called on
/// an event loop.
final class KeyDatabase: Sendable {
    /// One row of `api_key`.
    struct Row: Codable, FetchableRecord, PersistableRecord {
        static let databaseTableName = "api_key"

        var id: String
        var digest: Data
        var name: String
        /// A JSON array of strings.
        var roles: [String]
        /// A JSON array of strings; nil for all.
        var classes: [String]?
        var created: Date
        var creator: String
        var expiry: Date?
        var revoked: Date?
        var lastUsed: Date?

        static func databaseDateEncodingStrategy(for column: String) -> DatabaseDateEncodingStrategy {
            .custom { KeyDatabase.text($0) }
        }

        enum CodingKeys: String, CodingKey {
            case id, digest, name, roles, classes, created, creator, expiry, revoked
            case lastUsed = "last_used"
        }
    }

    /// A date as GRDB writes it. GRDB's own formatter would end the process: it needs locale data, which the binary does not
    /// contain (`CEmptyICUData`).
    static func text(_ date: Date) -> String {
        date.formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: true))
    }

    private let queue: DatabaseQueue

    /// - Throws: `KeyStoreError.unusable`.
    init(path: String) throws(KeyStoreError) {
        do {
            var configuration = Configuration()
            // Another process that uses the file is a mistake to report rather than to wait for.
            configuration.busyMode = .timeout(2)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            let (isCurrent, isNewer) = try queue.read { database in
                (try Self.migrator.hasCompletedMigrations(database), try Self.migrator.hasBeenSuperseded(database))
            }
            guard !isNewer else {
                throw KeyStoreError.unusable(path: path, reason: "it was written by a newer version of SimpleAI")
            }
            // Only if needed: a read-only database can be used until a key changes.
            if !isCurrent { try Self.migrator.migrate(queue) }
            // Other users must not read digests and names. On a read-only file system the mode cannot be changed.
            guard chmod(path, 0o600) == 0 || errno == EROFS || errno == EPERM else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
        } catch let error as KeyStoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: Self.reason(error))
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("keys") { database in
            try database.create(table: Row.databaseTableName) { table in
                table.primaryKey("id", .text)
                table.column("digest", .blob).notNull()
                table.column("name", .text).notNull()
                table.column("roles", .jsonText).notNull()
                table.column("classes", .jsonText)
                table.column("created", .datetime).notNull()
                table.column("creator", .text).notNull()
                table.column("expiry", .datetime)
                table.column("revoked", .datetime)
                table.column("last_used", .datetime)
            }
        }
        return migrator
    }

    /// Reads all keys of a database without changing it; none if it cannot be read. Blocks.
    static func peek(path: String) -> [Row] {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try? DatabaseQueue(path: path, configuration: configuration)
        return (try? queue?.read { try Row.order(Column("created"), Column("id")).fetchAll($0) }) ?? []
    }

    /// Why a database cannot be used; nil if it can. Blocks.
    static func fault(path: String) -> String? {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read { database in
                if try migrator.hasBeenSuperseded(database) { return "it was written by a newer version of SimpleAI" }
                let result = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
                guard result == "ok" else { return "its content is damaged: \(result ?? "no result")" }
                guard try database.tableExists(Row.databaseTableName) else { return nil }
                guard try migrator.hasCompletedMigrations(database) else {
                    return "another program has created its table \(Row.databaseTableName)"
                }
                // Every column, and the form of every value.
                _ = try Row.fetchCursor(database).forEach { _ in }
                return nil
            }
        } catch {
            return reason(error)
        }
    }

    /// Copies a database as of one moment, by SQLite's online backup: the other process continues to write. Blocks.
    static func copy(from path: String, to copy: String) throws(KeyStoreError) {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(10)
            let source = try DatabaseQueue(path: path, configuration: configuration)
            let target = try DatabaseQueue(path: copy)
            try source.backup(to: target)
            // Pages are copied as they are: a damaged database gives a damaged copy.
            let result = try target.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            guard result == "ok" else {
                throw KeyStoreError.unusable(path: path, reason: "its content is damaged: \(result ?? "no result")")
            }
        } catch let error as KeyStoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: reason(error))
        }
    }

    func all() throws -> [Row] {
        try queue.read { try Row.order(Column("created"), Column("id")).fetchAll($0) }
    }

    func insert(_ row: Row) throws {
        try queue.write { try row.insert($0) }
    }

    /// Writes the revocations in one transaction.
    func revoke(_ revocations: [ExactString: Date]) throws {
        try queue.write { database in
            let update = try database.makeStatement(
                sql: "UPDATE api_key SET revoked = ? WHERE id = ? AND revoked IS NULL")
            for (id, time) in revocations { try update.execute(arguments: [Self.text(time), id.rawValue]) }
        }
    }

    /// Writes the times of last use in one transaction.
    func writeLastUse(_ uses: [ExactString: Date]) throws {
        try queue.write { database in
            let update = try database.makeStatement(sql: "UPDATE api_key SET last_used = ? WHERE id = ?")
            for (id, time) in uses { try update.execute(arguments: [Self.text(time), id.rawValue]) }
        }
    }

    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as DatabaseError:
            error.message ?? "SQLite error \(error.resultCode.rawValue)"
        case let error as CocoaError: error.localizedDescription
        case let error as POSIXError: String(cString: strerror(error.code.rawValue))
        default: "unexpected error \(type(of: error))"
        }
    }
}
