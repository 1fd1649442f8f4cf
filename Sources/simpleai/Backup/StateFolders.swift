import Installation
import OperatingSystem
import Settings
import SimpleAICore

/// The folders in which a gateway keeps its state. A gateway holds a shared lock on each of them as long as it runs; a restore
/// needs them for itself.
enum StateFolders {
    /// For a gateway that starts.
    /// - Returns: the locks, to be kept until the gateway has ended. A folder that cannot be locked is left out.
    /// - Throws: `CommandFailure` if a restore is in progress.
    static func lock(for settings: Settings) throws -> [FolderLock] {
        let files = [settings.fleet.stateFile, settings.keys.database].filter { !$0.isEmpty }
        return try lock(files.map { FilePath.parent(of: WorkingFolder.absolute($0)) }, .shared) { folder in
            "a restore is writing the state in \(folder); start the gateway when it has ended"
        }
    }

    /// For a restore.
    /// - Throws: `CommandFailure` if a gateway or another restore uses one of them.
    static func lock(forRestoreTo folders: [String]) throws -> [FolderLock] {
        try lock(folders, .exclusive) { folder in
            "a gateway that runs, or another restore, uses the state in \(folder); stop it first (nothing was changed)"
        }
    }

    private static func lock(
        _ folders: [String], _ kind: FolderLock.Kind, held: (String) -> String
    ) throws -> [FolderLock] {
        var seen: Set<ExactString> = []
        var locks: [FolderLock] = []
        for folder in folders where seen.insert(ExactString(folder)).inserted {
            do throws(FolderLock.Failure) {
                locks.append(try FolderLock(folder: folder, kind))
            } catch {
                if error == .held { throw CommandFailure(held(folder)) }
            }
        }
        return locks
    }
}
