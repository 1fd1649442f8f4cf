import Foundation
import Installation
import OperatingSystem
import SimpleAICore

#if canImport(Glibc)
import Glibc
#endif

/// Observes files, as this user or on behalf of the service's user.
struct FileObserver {
    /// The user of the service; nil for this one.
    let user: String?

    /// Whether this user sees the files as the service does: root does, by acting as its user.
    var canJudge: Bool {
        guard let user, geteuid() != 0 else { return true }
        return user.utf8.elementsEqual(Self.name(of: geteuid()).utf8)
    }

    func file(_ path: String, _ purpose: SystemDescription.File.Purpose) -> SystemDescription.File {
        var file = SystemDescription.File(
            path: path, purpose: purpose, access: access(to: path), folder: folder(of: path))
        file.kind = Self.kind(of: path)
        if file.access == nil { file.danglingTarget = try? FileManager.default.destinationOfSymbolicLink(atPath: path) }
        file.closedFolder = closedFolder(before: path)
        var status = statvfs()
        // The folder that exists: its file system is that of the file.
        let place = file.access == nil ? Self.folderPath(of: path) : path
        if statvfs(place, &status) == 0 {
            file.freeSpace = ByteCount(bytes: Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize)))
            // Some file systems count no files.
            if status.f_files > 0 { file.freeFiles = Int(clamping: status.f_favail) }
            file.isReadOnly = status.f_flag & UInt(ST_RDONLY) != 0
        }
        return file
    }

    private static func folderPath(of path: String) -> String {
        let folder = (path as NSString).deletingLastPathComponent
        return folder.isEmpty ? "." : folder
    }

    private static func kind(of path: String) -> SystemDescription.File.Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return .regular }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .folder
        default: .other
        }
    }

    private func folder(of path: String) -> SystemDescription.File.Folder {
        let folder = Self.folderPath(of: path)
        var status = stat()
        guard stat(folder, &status) == 0 else { return errno == ENOTDIR ? .notADirectory : .missing }
        guard status.st_mode & S_IFMT == S_IFDIR else { return .notADirectory }
        return access(to: folder).map { .present($0) } ?? .missing
    }

    private func access(to path: String) -> SystemDescription.File.Access? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let allowed = allowed(path)
        return .init(
            mode: UInt16(status.st_mode & 0o7777), owner: Self.name(of: status.st_uid), isReadable: allowed.isReadable,
            isWritable: allowed.isWritable)
    }

    private func allowed(_ path: String) -> FileAccess {
        user.flatMap { FileAccess(path: path, user: $0) } ?? FileAccess(path: path)
    }

    /// The name of a user, or its number.
    static func name(of user: uid_t) -> String {
        getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
    }

    /// The first folder on the way that exists and may not be entered; also on the way to the target of a link.
    private func closedFolder(before path: String) -> String? {
        let absolute = URL(fileURLWithPath: path).path
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        for path in absolute == target ? [absolute] : [absolute, target] {
            let folder = Self.folderPath(of: path)
            if allowed(folder).isExecutable { continue }
            var way = ""
            for component in folder.split(separator: "/") {
                way += "/" + component
                var status = stat()
                guard stat(way, &status) == 0 else { break }
                if status.st_mode & S_IFMT == S_IFDIR, !allowed(way).isExecutable { return way }
            }
        }
        return nil
    }
}
