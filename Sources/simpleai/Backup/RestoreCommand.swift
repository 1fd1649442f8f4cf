import ArgumentParser
import Foundation
import Installation
import OperatingSystem
import Settings
import Storage

/// `simpleai restore`: puts the files of a backup back.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put settings, keys and state of a backup back, after all of it is verified.",
        discussion: """
            The gateway must be stopped. Files return to the paths that they were read from; --root puts them below another \
            folder. Files that exist and differ are replaced only with --force, and kept with the suffix .before-restore.

            Example: simpleai restore simpleai-backup.tar
            """)

    @Argument(help: "The backup.")
    var file: String
    @Option(help: .init("Folder that stands for / (default: /).", valueName: "directory"))
    var root = "/"
    @Flag(help: "Replace files that differ.")
    var force = false
    @Flag(help: "List the files, and change nothing.")
    var list = false

    func run() async throws {
        try await reporting {
            let (archive, manifest) = try read()
            if list {
                print("Backup of version \(manifest.version):")
                for file in manifest.files { print("  \(file.path) (\(file.kind.rawValue))") }
                return
            }
            try await refuseRunningGateway(manifest)
            let places = manifest.files.map { (file: $0, path: target($0.path)) }
            let different = places.filter { differs($0.path, from: $0.file) }
            if !different.isEmpty, !force {
                throw CommandFailure(
                    "these files exist and differ; use --force to replace them (nothing was changed):\n"
                        + different.map { "  \($0.path)" }.joined(separator: "\n"))
            }
            for (file, path) in places {
                guard let entry = archive.entries.first(where: { $0.name == file.name }) else { continue }
                try write(entry, file, to: path)
            }
            print("Restored \(places.count) files. Check them with `simpleai doctor`, then start the gateway.")
        }
    }

    private func read() throws -> (TarArchive, BackupManifest) {
        let bytes: [UInt8]?
        do throws(StoredFile.Failure) {
            bytes = try StoredFile(path: file).read(atMost: 4 * BackupContents.maxFileSize)
        } catch {
            throw CommandFailure("\(file) cannot be read: \(error)")
        }
        guard let bytes else { throw CommandFailure("\(file) does not exist") }
        do {
            let archive = try TarArchive(decoding: bytes)
            return (archive, try BackupManifest(verifying: archive, digest: ContentDigest.sha256))
        } catch {
            throw CommandFailure("\(file) cannot be restored, and nothing was changed: \(OperatorText.of(error))")
        }
    }

    private func target(_ path: String) -> String {
        root == "/" ? path : URL(fileURLWithPath: root + "/" + path).standardizedFileURL.path
    }

    private func differs(_ path: String, from file: BackupManifest.File) -> Bool {
        guard FileManager.default.fileExists(atPath: path) else { return false }
        let content = (try? StoredFile(path: path).read(atMost: BackupContents.maxFileSize)) ?? nil
        return content.map { ContentDigest.sha256($0) != file.sha256 } ?? true
    }

    /// A gateway that runs would write its own state over the restored one.
    private func refuseRunningGateway(_ manifest: BackupManifest) async throws {
        guard root == "/", let service = await SystemService.gateway.state(), service.activity == "active",
            manifest.files.contains(where: { $0.path.hasPrefix("/etc/simpleai/") })
        else { return }
        throw CommandFailure("\(service.unit) runs; stop it first: systemctl stop \(service.unit)")
    }

    private func write(_ entry: TarArchive.Entry, _ file: BackupManifest.File, to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("the folder \(folder) cannot be created: \(OperatorText.of(error))")
        }
        // The owner of the folder owns its files, and its group reads them.
        var status = stat()
        let owner =
            stat(path, &status) == 0 || stat(folder, &status) == 0
            ? (status.st_uid, status.st_gid) : (uid_t.max, gid_t.max)
        if differs(path, from: file) { _ = rename(path, path + ".before-restore") }
        // A journal of the replaced database must not be applied to the restored one.
        if file.kind == .database { for suffix in ["-wal", "-shm", "-journal"] { unlink(path + suffix) } }
        do throws(StoredFile.Failure) {
            try StoredFile(path: path).replace(with: entry.content, mode: UInt32(entry.mode))
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error)")
        }
        _ = chmod(path, mode_t(entry.mode))
        _ = chown(path, owner.0, owner.1)
    }
}
