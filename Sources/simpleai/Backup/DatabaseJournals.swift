import Foundation
import OperatingSystem

/// The files in which SQLite keeps changes beside a database. They belong to one content of it: applied to another, they damage it.
struct DatabaseJournals {
    private static let suffixes = ["-journal", "-wal", "-shm"]

    private let database: String

    init(of database: String) { self.database = database }

    var haveContent: Bool {
        Self.suffixes.dropLast().contains { suffix in
            FileStatus(database + suffix, followsLinks: false).map { $0.size > 0 } ?? false
        }
    }

    /// Moves them to a copy of the database, which is complete with them; without a copy there is no database that needs them.
    func move(to copy: String?) {
        for suffix in Self.suffixes {
            if let copy, rename(database + suffix, copy + suffix) == 0 { continue }
            unlink(database + suffix)
        }
    }
}
