#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension StoredFile {
    /// Keeps the present content under a second name before the file is replaced: `PATH.SUFFIX`, or `PATH.SUFFIX-2`,
    /// `PATH.SUFFIX-3`, … if that exists. The file itself stays in place, so that a crash before the replacement loses
    /// nothing, and an earlier copy is never replaced.
    /// - Returns: the path of the copy; nil if the file does not exist.
    public func keepCopy(suffix: String, atMost limit: Int) throws(Failure) -> String? {
        let target = try self.target()
        var status = stat()
        guard stat(target, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw .system(.last)
        }
        try Self.checkRegular(status.st_mode)
        // A folder with so many copies is a fault of what makes them.
        for number in 1...1000 {
            let copy = "\(path).\(suffix)\(number == 1 ? "" : "-\(number)")"
            // A second name for the same content: the replacement of the file creates another one.
            if link(target, copy) == 0 { return copy }
            // File systems without hard links, and copies beside a link to another file system.
            if errno != EEXIST, try copyContent(to: copy, mode: status.st_mode & 0o7777, atMost: limit) { return copy }
        }
        throw .system(SystemError(number: EEXIST))
    }

    /// - Returns: false if the name is taken.
    private func copyContent(to copy: String, mode: mode_t, atMost limit: Int) throws(Failure) -> Bool {
        var status = stat()
        guard lstat(copy, &status) != 0 else { return false }
        guard let bytes = try read(atMost: limit) else { return false }
        do throws(Failure) {
            try Self.write(bytes, toNew: copy, mode)
        } catch {
            unlink(copy)
            throw error
        }
        return true
    }
}
