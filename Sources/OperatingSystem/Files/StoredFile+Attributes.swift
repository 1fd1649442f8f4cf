#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension StoredFile {
    /// The owner and the permissions of a file.
    public struct Attributes: Hashable, Sendable {
        /// The permissions of owner, group and others: nine bits.
        public var mode: UInt32
        /// A user's number; nil to keep the owner.
        public var owner: UInt32?
        /// A group's number; nil to keep the group.
        public var group: UInt32?

        public init(mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil) {
            self.mode = mode
            self.owner = owner
            self.group = group
        }

        init(_ status: stat) {
            self.init(mode: UInt32(status.st_mode & 0o777), owner: status.st_uid, group: status.st_gid)
        }

        /// The owner first: a change of the owner may clear bits of the mode. Only root can change it, and some file systems
        /// have no owners.
        func set(on descriptor: Int32) throws(Failure) {
            if owner != nil || group != nil { _ = fchown(descriptor, owner ?? uid_t.max, group ?? gid_t.max) }
            guard fchmod(descriptor, mode_t(mode & 0o777)) == 0 else { throw .system(.last) }
        }
    }

    /// The attributes of the file, or of the target of a link; nil if there is none.
    public func attributes() throws(Failure) -> Attributes? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system(.last)
        }
        try Self.checkRegular(status.st_mode)
        return Attributes(status)
    }

    /// The content and the attributes of the file that contains it, which may be the target of a link; nil if there is none.
    public func readWithAttributes(atMost limit: Int) throws(Failure) -> (bytes: [UInt8], attributes: Attributes)? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system(.last)
        }
        defer { close(descriptor) }
        let status = try Self.status(of: descriptor)
        guard status.st_size <= off_t(limit) else { throw .tooLarge(limit: limit) }
        let bytes = try Self.contents(of: descriptor, atMost: limit, expecting: Int(status.st_size))
        return (bytes, Attributes(status))
    }

    /// Changes the attributes of an existing file, and nothing else.
    public func setAttributes(_ attributes: Attributes) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(.last) }
        defer { close(descriptor) }
        _ = try Self.status(of: descriptor)
        try attributes.set(on: descriptor)
    }
}
