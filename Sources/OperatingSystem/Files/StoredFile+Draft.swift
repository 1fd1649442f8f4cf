#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension StoredFile {
    /// New content, complete on disk beside the file that it will replace. For changes of several files: the disk is full, or a
    /// folder closed, before the first file is replaced. Ends with `commit` or `discard`.
    public struct Draft: Sendable {
        fileprivate let target: String
        fileprivate let bytes: [UInt8]
        fileprivate let attributes: Attributes
        /// Nil if the folder accepts no new file; the file itself is overwritten then.
        fileprivate let path: String?

        /// Puts the content in the place of the file, in one step wherever the file system can do that.
        public func commit() throws(Failure) {
            var cause = SystemError(number: EACCES)
            if let path {
                if rename(path, target) == 0 { return StoredFile.synchronizeFolder(of: target) }
                cause = .last
                unlink(path)
            }
            // A file that is a mount point, such as a file that a container is given.
            guard [EBUSY, EXDEV, EACCES, EPERM].contains(cause.number) else { throw .system(cause) }
            let descriptor = open(target, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { throw .system(.last) }
            defer { close(descriptor) }
            // Its second name may be the copy that was kept of it.
            guard try StoredFile.status(of: descriptor).st_nlink == 1 else { throw .system(cause) }
            try attributes.set(on: descriptor)
            try StoredFile.write(bytes, to: descriptor)
            guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw .system(.last) }
        }

        /// Removes the draft; the file stays as it is.
        public func discard() {
            if let path { unlink(path) }
        }
    }

    /// Writes new content beside the file, or beside the target of a link. Only this user can read it until it has its
    /// attributes, which replace those of an existing file.
    public func draft(_ bytes: [UInt8], _ attributes: Attributes) throws(Failure) -> Draft {
        let target = try self.target()
        var status = stat()
        let exists = stat(target, &status) == 0
        if exists { try Self.checkRegular(status.st_mode) }
        let path = "\(target).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let cause = SystemError.last
            guard exists, [EACCES, EPERM, EROFS].contains(cause.number) else { throw .system(cause) }
            return Draft(target: target, bytes: bytes, attributes: attributes, path: nil)
        }
        defer { close(descriptor) }
        do throws(Failure) {
            try Self.write(bytes, to: descriptor)
            try attributes.set(on: descriptor)
        } catch {
            unlink(path)
            throw error
        }
        return Draft(target: target, bytes: bytes, attributes: attributes, path: path)
    }
}
