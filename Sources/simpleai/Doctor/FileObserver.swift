import Foundation
import Installation
import SimpleAICore

#if canImport(Glibc)
import Glibc
#endif

/// Observes files, as this user or on behalf of the service's user.
struct FileObserver {
    /// The user of the service; nil for this one.
    let user: String?

    func file(_ path: String, _ purpose: SystemDescription.File.Purpose) -> SystemDescription.File {
        var file = SystemDescription.File(
            path: path, purpose: purpose, access: access(to: path), folder: folder(of: path))
        var status = statvfs()
        // The folder that exists: its file system is that of the file.
        let place = file.access == nil ? (path as NSString).deletingLastPathComponent : path
        if statvfs(place.isEmpty ? "." : place, &status) == 0 {
            file.freeSpace = ByteCount(bytes: Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize)))
            // Some file systems count no files.
            if status.f_files > 0 { file.freeFiles = Int(clamping: status.f_favail) }
            file.isReadOnly = status.f_flag & UInt(ST_RDONLY) != 0
        }
        return file
    }

    private func folder(of path: String) -> SystemDescription.File.Folder {
        let folder = (path as NSString).deletingLastPathComponent
        var status = stat()
        guard stat(folder.isEmpty ? "." : folder, &status) == 0 else {
            return errno == ENOTDIR ? .notADirectory : .missing
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return .notADirectory }
        return access(to: folder.isEmpty ? "." : folder).map { .present($0) } ?? .missing
    }

    private func access(to path: String) -> SystemDescription.File.Access? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "\(status.st_uid)"
        let mode = UInt16(status.st_mode & 0o7777)
        guard let user, geteuid() == 0, let entry = getpwnam(user) else {
            return .init(
                mode: mode, owner: owner, isReadable: Glibc.access(path, R_OK) == 0,
                isWritable: Glibc.access(path, W_OK) == 0)
        }
        let groups = Self.groups(of: user, entry.pointee.pw_gid)
        let shift =
            status.st_uid == entry.pointee.pw_uid ? 6 : groups.contains(status.st_gid) ? 3 : 0
        let bits = mode >> UInt16(shift)
        return .init(mode: mode, owner: owner, isReadable: bits & 4 != 0, isWritable: bits & 2 != 0)
    }

    private static func groups(of user: String, _ primary: gid_t) -> [gid_t] {
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: 64)
        return getgrouplist(user, primary, &groups, &count) >= 0 ? Array(groups.prefix(Int(count))) : [primary]
    }
}
