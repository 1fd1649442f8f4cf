import Foundation

/// A folder for files that exist only while a command runs.
enum TemporaryFolder {
    /// Makes a folder that only its owner can access, in the system's folder for temporary files. Where that cannot be
    /// written, as in a container with a read-only root, it is made beside the files of the command.
    /// - Parameter folder: the folder of the command's files, which may not exist yet.
    static func make(beside folder: String) throws -> URL {
        let name = ".simpleai-\(UUID().uuidString)"
        let system = FileManager.default.temporaryDirectory
        var reason = ""
        for parent in [system, firstExisting(from: URL(fileURLWithPath: folder, isDirectory: true))] {
            let made = parent.appendingPathComponent(name, isDirectory: true)
            do {
                try FileManager.default.createDirectory(
                    at: made, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
                return made
            } catch {
                reason += "; \(parent.path): \(OperatorText.of(error))"
            }
        }
        throw CommandFailure("no folder for temporary files can be written\(reason)")
    }

    private static func firstExisting(from folder: URL) -> URL {
        var folder = folder.standardizedFileURL
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.path) {
            folder = folder.deletingLastPathComponent()
        }
        return folder
    }
}
