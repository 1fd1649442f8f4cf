#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the system records about a file, a folder or anything else with a path.
public struct FileStatus: Sendable {
    public enum Kind: Hashable, Sendable {
        case regular
        case folder
        case link
        /// A device, a pipe or a socket.
        case other
    }

    public let kind: Kind
    /// In bytes.
    public let size: Int64
    public let owner: UInt32
    public let group: UInt32
    /// The same on every path to the same file, and on no other of this machine.
    public let identity: Identity

    public struct Identity: Hashable, Sendable {
        fileprivate let device: UInt64
        fileprivate let inode: UInt64
    }

    /// Nil if there is nothing at the path, or this user may not see it.
    /// - Parameter followsLinks: whether the status is that of the target of a link.
    public init?(_ path: String, followsLinks: Bool) {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        size = Int64(status.st_size)
        owner = status.st_uid
        group = status.st_gid
        identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
    }
}
