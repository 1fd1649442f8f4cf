#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that persists from one run of the program to the next. Its methods block, so they must not be called on an event
/// loop.
///
/// Reading never waits for a writer and is always bounded; writing replaces the content in one step, so that neither a
/// crash nor a full disk leaves a partial file. A symbolic link is followed: its target is replaced, the link stays.
public struct StoredFile: Hashable, Sendable {
    /// The failed operation, described for operators.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case system(SystemError)
        case notRegular(String)
        case tooLarge(limit: Int)

        public var description: String {
            switch self {
            case .system(let error): error.description
            case .notRegular(let kind): "it is \(kind), not a regular file"
            case .tooLarge(let limit): "it is larger than \(limit) bytes"
            }
        }
    }

    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// The content; nil if the file does not exist, or is a link to a missing file.
    public func read(atMost limit: Int) throws(Failure) -> [UInt8]? {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(.last)
        }
        defer { close(descriptor) }
        let status = try Self.status(of: descriptor)
        guard status.st_size <= off_t(limit) else { throw .tooLarge(limit: limit) }
        return try Self.contents(of: descriptor, atMost: limit, expecting: Int(status.st_size))
    }

    /// Replaces the content. An existing file keeps its mode, a new one gets `mode`.
    public func replace(with bytes: [UInt8], mode: UInt32 = 0o644) throws(Failure) {
        let target = try self.target()
        var status = stat()
        let exists = stat(target, &status) == 0
        if exists { try Self.checkRegular(status.st_mode) }
        let permissions = exists ? status.st_mode & 0o7777 : mode_t(mode)
        let draft = "\(target).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
        do throws(Failure) {
            try Self.write(bytes, toNew: draft, permissions)
            guard rename(draft, target) == 0 else { throw .system(.last) }
        } catch {
            unlink(draft)
            // A file that is a mount point cannot be replaced, and a directory that is not writable cannot contain a
            // temporary file; the file itself may still be writable.
            guard exists, case .system(let cause) = error, [EBUSY, EXDEV, EACCES, EPERM].contains(cause.number) else {
                throw error
            }
            return try Self.overwrite(target, with: bytes)
        }
        Self.synchronizeFolder(of: target)
    }

    /// Renames the file to `NAME.broken-SUFFIX`, and keeps the newest `maxKept` of those.
    /// - Parameter suffix: sorts by time, such as `20260102T030405Z`.
    /// - Returns: the new path.
    public func setAside(suffix: String, maxKept: Int = 3) throws(Failure) -> String {
        let target = try self.target()
        var status = stat()
        guard stat(target, &status) == 0 else { throw .system(.last) }
        try Self.checkRegular(status.st_mode)
        let newPath = "\(target).broken-\(suffix)"
        guard rename(target, newPath) == 0 else { throw .system(.last) }
        for older in Self.brokenFiles(of: target).dropLast(maxKept) { unlink(older) }
        return newPath
    }

    // MARK: Links

    /// The target of all links, whether it exists or not.
    func target() throws(Failure) -> String {
        var current = path
        // The same maximum number of links as the system's.
        for _ in 0..<40 {
            var status = stat()
            guard lstat(current, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return current }
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(current, &buffer, buffer.count)
            guard count > 0 else { throw .system(.last) }
            let link = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            current = link.hasPrefix("/") ? link : Self.folder(of: current) + "/" + link
        }
        throw .system(SystemError(number: ELOOP))
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The files that were set aside for `path`, oldest first.
    private static func brokenFiles(of path: String) -> [String] {
        let folder = folder(of: path)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let other = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if other.hasPrefix("\(name).broken-") { found.append("\(folder)/\(other)") }
        }
        return found.sorted()
    }

    // MARK: Bytes

    static func status(of descriptor: Int32) throws(Failure) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(.last) }
        try checkRegular(status.st_mode)
        return status
    }

    static func checkRegular(_ mode: mode_t) throws(Failure) {
        switch mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw .notRegular("a directory")
        case S_IFIFO: throw .notRegular("a pipe")
        case S_IFSOCK: throw .notRegular("a socket")
        default: throw .notRegular("a device")
        }
    }

    static func contents(
        of descriptor: Int32, atMost limit: Int, expecting size: Int
    ) throws(Failure) -> [UInt8] {
        do throws(DescriptorContents.Failure) {
            return try DescriptorContents.read(descriptor, atMost: limit, expecting: size)
        } catch {
            switch error {
            case .system(let cause): throw .system(cause)
            case .tooLarge: throw .tooLarge(limit: limit)
            }
        }
    }

    static func write(_ bytes: [UInt8], toNew path: String, _ permissions: mode_t) throws(Failure) {
        // O_EXCL: a file or link that another process created first is never written through.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw .system(.last) }
        defer { close(descriptor) }
        guard fchmod(descriptor, permissions) == 0 else { throw .system(.last) }
        try write(bytes, to: descriptor)
    }

    static func overwrite(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(.last) }
        defer { close(descriptor) }
        _ = try status(of: descriptor)
        try write(bytes, to: descriptor)
        guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw .system(.last) }
    }

    /// Writes all bytes and synchronizes them to disk.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
        do throws(SystemError) {
            try DescriptorWriter.write(bytes, to: descriptor)
        } catch {
            throw .system(error)
        }
        guard fsync(descriptor) == 0 else { throw .system(.last) }
    }

    /// Synchronizes the directory, so that the new name survives a crash, too. Some file systems do not support this; the
    /// content is safe either way.
    static func synchronizeFolder(of path: String) {
        let descriptor = open(folder(of: path), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}
