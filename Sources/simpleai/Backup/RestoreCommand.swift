import ArgumentParser
import Foundation
import Installation
import OperatingSystem
import SimpleAICore
import Storage

/// `simpleai restore`: puts the files of a backup back.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put settings, keys and state of a backup back, after all of it is verified.",
        discussion: """
            The gateway must be stopped. Files return to the paths that they were read from, which --list shows; --root puts \
            them below another folder. Owners and groups return by name, if this machine has them. Files that exist and \
            differ are replaced only with --force, and kept with the suffix .before-restore; the template of a package counts \
            as missing. Restore only backups that you made: they decide which files are written.

            Example: simpleai restore simpleai-backup.tar
            """)

    @Argument(help: "The backup.", completion: .file())
    var file: String
    @Option(help: .init("Folder that stands for / (default: /).", valueName: "directory"), completion: .directory)
    var root = "/"
    @Flag(help: "Replace files that differ.")
    var force = false
    @Flag(help: "List the files, and change nothing.")
    var list = false

    func validate() throws {
        guard !root.isEmpty else { throw ValidationError("--root is empty; name a folder") }
    }

    func run() async throws {
        try await reporting {
            let (archive, manifest) = try read()
            if list {
                print("Backup of version \(JSONString.visible(manifest.version)):")
                for file in manifest.files { print("  \(JSONString.visible(file.path)) (\(file.kind.rawValue))") }
                return
            }
            let folder = WorkingFolder.absolute(root)
            if folder == "/" { try await refuseService(manifest) }
            let plan = try RestorePlan(archive, manifest, root: folder)
            // Held until the last file is in its place.
            let locks = try StateFolders.lock(forRestoreTo: plan.stateFolders)
            if !plan.different.isEmpty, !force {
                throw CommandFailure(
                    "these files exist and differ; use --force to replace them (nothing was changed):\n"
                        + RestorePlan.list(plan.different.map(\.target)))
            }
            let copies = try withExtendedLifetime(locks) { try plan.write() }
            print("Restored \(plan.items.count) files:\n\(RestorePlan.list(plan.items.map(\.target)))")
            if !copies.isEmpty { print("The former files are kept as:\n\(RestorePlan.list(copies))") }
            print("Check them with `simpleai doctor`, then start the gateway.")
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
            // The error contains names of the archive.
            let reason = JSONString.visible(OperatorText.of(error))
            throw CommandFailure("\(file) cannot be restored, and nothing was changed: \(reason)")
        }
    }

    /// A service that is about to start again holds no lock.
    private func refuseService(_ manifest: BackupManifest) async throws {
        let folders = ["/etc/simpleai/", "/var/lib/simpleai/"]
        guard manifest.files.contains(where: { file in folders.contains { file.path.hasPrefix($0) } }),
            let service = await SystemService.gateway.state(), !["inactive", "failed"].contains(service.activity)
        else { return }
        throw CommandFailure(
            "\(service.unit) is \(service.activity); stop it first: systemctl stop \(service.unit) (nothing was changed)"
        )
    }
}
