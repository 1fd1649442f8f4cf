#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension StoredFile {
    /// Replaces the content, and gives the file this mode and group, whatever it had before. The new content never exists
    /// under the file's name without them.
    /// - Parameter group: nil keeps that of the process. Only the superuser may choose any; for others it makes no difference.
    public func install(_ bytes: [UInt8], mode: UInt32, group: UInt32?) throws(Failure) {
        let target = try self.target()
        var status = stat()
        let exists = stat(target, &status) == 0
        if exists { try Self.checkRegular(status.st_mode) }
        let draft = Self.draft(of: target)
        do throws(Failure) {
            try Self.write(bytes, toNew: draft, 0o600)
            // The group first: with the mode, but without its group, the file would be open to another one.
            if let group { _ = chown(draft, uid_t.max, gid_t(group)) }
            guard chmod(draft, mode_t(mode)) == 0, rename(draft, target) == 0 else { throw .system(.last) }
        } catch {
            unlink(draft)
            // A file that is a mount point cannot be replaced, but it can be written.
            guard exists, case .system(let cause) = error, cause.number == EBUSY else { throw error }
            try Self.overwrite(target, with: bytes)
        }
        Self.synchronizeFolder(of: target)
    }

    /// Deletes the drafts of this file that a process has left that no longer runs: one that was killed, or lost its power,
    /// before the draft got the file's name. They may contain secrets.
    public func removeAbandonedDrafts() {
        guard let target = try? target() else { return }
        let (folder, prefix) = (Self.folder(of: target), Self.name(of: target) + ".")
        guard let stream = opendir(folder) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix(prefix), let process = Self.process(ofDraft: name.dropFirst(prefix.count)),
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            unlink("\(folder)/\(name)")
        }
    }

    /// The name under which a process writes a new content before it gets the name of the file.
    private static func draft(of path: String) -> String { "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).new" }

    /// - Parameter rest: `PROCESS.NUMBER.new`.
    private static func process(ofDraft rest: Substring) -> pid_t? {
        let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2] == "new", UInt32(parts[1]) != nil, let process = pid_t(parts[0]), process > 0
        else { return nil }
        return process
    }

    private static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
