import Foundation

/// Files that only their owner may read: private keys, and the note with the URL of a running fleet.
public enum PrivateFile {
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case exists(path: String)
        case readableByOthers(path: String, mode: UInt32)
        case foreignOwner(path: String)
        /// Neither a regular file nor a free name.
        case notRegular(path: String, kind: String)
        case system(action: String, path: String, reason: String)

        public var description: String {
            switch self {
            case .exists(let path): "\(path) already exists; use --force to replace it"
            case .readableByOthers(let path, let mode):
                "\(path) is readable by other users (mode 0\(String(mode, radix: 8))); run: chmod 600 '\(path)'"
            case .foreignOwner(let path): "\(path) is owned by another user and is not trusted"
            case .notRegular(let path, let kind):
                "\(path) is \(kind), which is not replaced by a file; choose another path"
            case .system(let action, let path, let reason): "cannot \(action) \(path): \(reason)"
            }
        }
    }

    /// Reads a file that no other user may read, and that belongs to this user or the superuser.
    ///
    /// Anything but a regular file (a pipe from a secret store, for example) has no mode to check.
    public static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("read", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last("read", path) }
        if status.st_mode & S_IFMT == S_IFREG {
            let mode = UInt32(status.st_mode & 0o777)
            guard mode & 0o077 == 0 else { throw .readableByOthers(path: path, mode: mode) }
            guard status.st_uid == geteuid() || status.st_uid == 0 else { throw .foreignOwner(path: path) }
        }
        return try readToEnd(descriptor, path)
    }

    /// Writes a file that has mode 0600 from the start. It appears complete or not at all.
    ///
    /// - Throws: `Failure.exists` if the file exists and `replacing` is false; `Failure.notRegular` if the path is a link, a
    ///   folder, a pipe or a device: only regular files are replaced.
    public static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(Failure) {
        try write(bytes, to: path, mode: 0o600, replacing: replacing)
    }

    /// Writes a file with a mode that may permit other users to read it.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t, replacing: Bool) throws(Failure) {
        if replacing { try checkReplaceable(path) }
        let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
        // O_EXCL: a file or link that another process created first is never written through.
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .last("create", path) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        // The process's umask may also have removed the owner's rights.
        guard fchmod(descriptor, mode) == 0 else { throw .last("create", path) }
        try write(bytes, to: descriptor, path)
        guard fsync(descriptor) == 0 else { throw .last("write", path) }
        if replacing {
            guard rename(draft, path) == 0 else { throw .last("replace", path) }
        } else if link(draft, path) != 0 {
            // `link` refuses an existing target in one step; a check before `rename` could not.
            if errno == EEXIST { throw .exists(path: path) }
            throw .last("create", path)
        }
    }

    /// A link is not followed: in a folder that others may write, it could name any file of this user.
    private static func checkReplaceable(_ path: String) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: ""
            case S_IFLNK: "a symbolic link"
            case S_IFDIR: "a folder"
            case S_IFIFO: "a pipe"
            case S_IFSOCK: "a socket"
            default: "a device"
            }
        guard kind.isEmpty else { throw .notRegular(path: path, kind: kind) }
    }

    private static func readToEnd(_ descriptor: Int32, _ path: String) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Foundation.read(descriptor, &piece, piece.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read", path)
            }
            bytes += piece[..<count]
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            rest = rest.dropFirst(count)
        }
    }
}

extension PrivateFile.Failure {
    /// The error of the preceding system call.
    static func last(_ action: String, _ path: String) -> Self {
        .system(action: action, path: path, reason: String(cString: strerror(errno)))
    }
}
