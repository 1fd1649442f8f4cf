#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder whose access rights do not depend on the umask of the process that creates it.
public struct StoredFolder: Hashable, Sendable {
    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// Creates the folder and those on the way to it. A folder that exists, and a link to one, stays as it is.
    /// - Parameters:
    ///   - mode: of the folder.
    ///   - parentMode: of the folders that are created on the way to it.
    /// - Returns: whether the folder was created.
    /// - Throws: `SystemError`; ENOTDIR if the path exists and is no folder.
    @discardableResult
    public func create(mode: UInt32, parentMode: UInt32 = 0o755) throws(SystemError) -> Bool {
        if try Self.exists(path) { return false }
        if let parent, try !Self.exists(parent.path) { try parent.create(mode: parentMode, parentMode: parentMode) }
        guard mkdir(path, mode_t(mode)) == 0 else {
            let error = SystemError.last
            // Another process was faster.
            if error.number == EEXIST, try Self.exists(path) { return false }
            throw error
        }
        // The umask has removed rights.
        guard chmod(path, mode_t(mode)) == 0 else { throw .last }
        return true
    }

    private var parent: StoredFolder? {
        var parts = path.split(separator: "/")
        guard parts.popLast() != nil, !parts.isEmpty else { return nil }
        return StoredFolder(path: (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/"))
    }

    private static func exists(_ path: String) throws(SystemError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw .last
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemError(number: ENOTDIR) }
        return true
    }
}
