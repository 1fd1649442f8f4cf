import Foundation
import Installation
import OperatingSystem
import SimpleAICore

extension RestorePlan {
    private static let suffix = "before-restore"

    /// Writes all files beside their places, keeps copies of those that differ, and then replaces one after the other: a full
    /// disk or a folder that is not writable is noticed before the first file changes.
    /// - Returns: the copies of files that were replaced.
    func write() throws -> [String] {
        var made: [String] = []
        var drafts: [(item: Item, draft: StoredFile.Draft)] = []
        var copies: [String] = []
        var copyOf: [ExactString: String] = [:]
        do {
            for folder in folders {
                try create(folder.path, folder.attributes)
                made.append(folder.path)
            }
            for item in items where item.present != .same {
                drafts.append((item, try draft(of: item)))
            }
            for item in different {
                guard let copy = try keep(item) else { continue }
                copies.append(copy)
                copyOf[ExactString(item.target)] = copy
            }
        } catch {
            for (_, draft) in drafts { draft.discard() }
            for folder in made.reversed() { rmdir(folder) }
            throw CommandFailure("\(OperatorText.of(error)) (nothing was replaced)")
        }
        for (index, (item, draft)) in drafts.enumerated() {
            if item.file.kind == .database {
                // Before the commit: if the restore ends between the two, the copy is complete.
                DatabaseJournals(of: item.target).move(to: copyOf[ExactString(item.target)])
            }
            do throws(StoredFile.Failure) {
                try draft.commit()
            } catch {
                for (_, draft) in drafts[index...] { draft.discard() }
                let kept = copies.isEmpty ? "" : "; the former files are kept as:\n" + Self.list(copies)
                throw CommandFailure(
                    "\(JSONString.visible(item.target)) cannot be replaced: \(error); \(index) of \(drafts.count) files "
                        + "were replaced before; run the command again once the cause is removed\(kept)")
            }
        }
        // Their content is that of the backup; a wrong mode is restored, too.
        for item in items where item.present == .same {
            try? StoredFile(path: item.target).setAttributes(item.attributes)
        }
        return copies
    }

    static func list(_ paths: [String]) -> String {
        paths.map { "  \(JSONString.visible($0))" }.joined(separator: "\n")
    }

    private func create(_ path: String, _ attributes: StoredFile.Attributes) throws {
        guard mkdir(path, 0o700) == 0 else {
            throw CommandFailure(
                "the folder \(JSONString.visible(path)) cannot be created: \(String(cString: strerror(errno)))")
        }
        // Without root the owner is this user, as it should be.
        if attributes.owner != nil || attributes.group != nil {
            _ = lchown(path, attributes.owner ?? uid_t.max, attributes.group ?? gid_t.max)
        }
        // Not by mkdir, which applies the umask.
        _ = chmod(path, mode_t(attributes.mode))
    }

    private func draft(of item: Item) throws -> StoredFile.Draft {
        do throws(StoredFile.Failure) {
            return try StoredFile(path: item.target).draft(item.content, item.attributes)
        } catch {
            throw CommandFailure("\(JSONString.visible(item.target)) cannot be written: \(error)")
        }
    }

    /// A second name for the file that differs.
    private func keep(_ item: Item) throws -> String? {
        do throws(StoredFile.Failure) {
            return try StoredFile(path: item.target).keepCopy(suffix: Self.suffix, atMost: BackupContents.maxFileSize)
        } catch {
            throw CommandFailure("a copy of \(JSONString.visible(item.target)) cannot be kept: \(error)")
        }
    }
}
