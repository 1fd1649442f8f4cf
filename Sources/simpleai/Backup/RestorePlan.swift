import Foundation
import Installation
import OperatingSystem
import SimpleAICore
import Storage

/// Where the files of a backup belong on this machine, and what is there. Making it changes nothing.
struct RestorePlan {
    struct Item {
        let file: BackupManifest.File
        let content: [UInt8]
        let attributes: StoredFile.Attributes
        /// The path after all links.
        let target: String
        let present: Present
    }

    enum Present: Hashable {
        case missing
        /// The file has the content of the backup.
        case same
        /// Settings that a package installed, without an edit.
        case template
        case different
    }

    let items: [Item]
    /// The folders that do not exist yet, each after the one that contains it.
    let folders: [(path: String, attributes: StoredFile.Attributes)]
    /// The folders that a gateway with this state locks.
    let stateFolders: [String]

    init(_ archive: TarArchive, _ manifest: BackupManifest, root: String) throws {
        var entries: [ExactString: TarArchive.Entry] = [:]
        for entry in archive.entries { entries[ExactString(entry.name)] = entry }
        var digests: [ExactString: String] = [:]
        var items: [Item] = []
        var unusable: [String] = []
        var stateFolders: [String] = []
        for file in manifest.files {
            guard let entry = entries[ExactString(file.name)] else { continue }
            let target = WorkingFolder.resolved(file.path, below: root)
            if let fault = Self.fault(of: target) {
                unusable.append("\(target): \(fault)")
                continue
            }
            // Two links in the settings may lead to one file.
            if let digest = digests.updateValue(file.sha256, forKey: ExactString(target)) {
                if digest != file.sha256 { unusable.append("\(target): the backup has two different contents for it") }
                continue
            }
            let mode = UInt32(file.permissions(recorded: entry.mode))
            items.append(
                Item(
                    file: file, content: entry.content, attributes: Self.attributes(mode, of: file, at: target),
                    target: target, present: try Self.present(file, at: target)))
            if file.kind == .database || file.kind == .state {
                // A gateway locks the folder of the path in its settings, which may be that of a link.
                stateFolders += [
                    FilePath.parent(of: target), WorkingFolder.resolved(FilePath.parent(of: file.path), below: root),
                ]
            }
        }
        guard unusable.isEmpty else {
            throw CommandFailure(
                "these paths cannot be restored (nothing was changed):\n"
                    + unusable.map { "  \(JSONString.visible($0))" }.joined(separator: "\n"))
        }
        self.items = items
        self.stateFolders = stateFolders
        folders = Self.missingFolders(items, manifest)
    }

    var different: [Item] { items.filter { $0.present == .different } }

    // MARK: What is there

    /// Only a regular file is replaced, and only folders contain files.
    private static func fault(of target: String) -> String? {
        if let status = FileStatus(target, followsLinks: false) {
            return status.kind == .regular ? nil : "it exists and is not a regular file; move it away"
        }
        let (folder, status) = nearest(FilePath.parent(of: target))
        return status?.kind == .folder ? nil : "\(folder) is not a folder; move it away"
    }

    /// The path, or the nearest one above it that exists.
    private static func nearest(_ path: String) -> (path: String, status: FileStatus?) {
        var path = path
        while true {
            let status = FileStatus(path, followsLinks: true)
            if status != nil || path == "/" { return (path, status) }
            path = FilePath.parent(of: path)
        }
    }

    private static func present(_ file: BackupManifest.File, at target: String) throws -> Present {
        let content: [UInt8]?
        do throws(StoredFile.Failure) {
            content = try StoredFile(path: target).read(atMost: BackupContents.maxFileSize)
        } catch .tooLarge {
            return .different
        } catch {
            let path = JSONString.visible(target)
            throw CommandFailure("\(path) cannot be read: \(error); run this command as root (nothing was changed)")
        }
        guard let content else { return .missing }
        if file.kind == .settings, isTemplate(content) { return .template }
        // Changes that are not in the database file yet.
        if file.kind == .database, DatabaseJournals(of: target).haveContent { return .different }
        return ContentDigest.sha256(content) == file.sha256 ? .same : .different
    }

    private static func isTemplate(_ content: [UInt8]) -> Bool {
        let text = String(decoding: content, as: UTF8.self)
        return ExistingSettings(
            content: text, template: GatewayProposal.templateLine, ownFirstLine: GatewayProposal.firstLine)
            == .replaceable
    }

    // MARK: Owners

    /// The owner that the backup names. Without one on this machine: that of the existing file, else of its folder.
    private static func attributes(
        _ mode: UInt32, of file: BackupManifest.File, at target: String
    ) -> StoredFile.Attributes {
        var attributes = StoredFile.Attributes(mode: mode)
        // Other users cannot give files away.
        guard geteuid() == 0 else { return attributes }
        let present = nearest(target).status
        attributes.owner = file.owner.flatMap(SystemAccounts.user(named:)) ?? present?.owner
        attributes.group = file.group.flatMap(SystemAccounts.group(named:)) ?? present?.group
        return attributes
    }

    private static func missingFolders(
        _ items: [Item], _ manifest: BackupManifest
    ) -> [(path: String, attributes: StoredFile.Attributes)] {
        var owners: [ExactString: StoredFile.Attributes] = [:]
        for item in items { owners[ExactString(item.file.path)] = item.attributes }
        let recorded = manifest.folders
        var seen: Set<ExactString> = []
        var missing: [(path: String, attributes: StoredFile.Attributes)] = []
        for item in items {
            var folder = FilePath.parent(of: item.target)
            let own = recorded[ExactString(FilePath.parent(of: item.file.path))]
            let owner = own?.owner.flatMap { owners[ExactString($0.path)] }
            var attributes = StoredFile.Attributes(
                mode: UInt32(own?.permissions ?? 0o755), owner: owner?.owner, group: owner?.group)
            var chain: [(path: String, attributes: StoredFile.Attributes)] = []
            while folder != "/", FileStatus(folder, followsLinks: true) == nil {
                if seen.insert(ExactString(folder)).inserted { chain.append((folder, attributes)) }
                folder = FilePath.parent(of: folder)
                attributes = .init(mode: 0o755)
            }
            missing += chain.reversed()
        }
        return missing
    }
}
