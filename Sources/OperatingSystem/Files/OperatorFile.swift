#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that an operator names, read once: a regular file, or a pipe such as `/dev/stdin` or `<(…)`, whose writer is
/// awaited.
public enum OperatorFile {
    public enum Failure: Error, Hashable, Sendable {
        case missing
        case directory
        case system(SystemError)
        case tooLarge(limit: Int)
    }

    /// The complete content.
    public static func contents(of path: String, atMost limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw errno == ENOENT ? .missing : .system(.last) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(.last) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .directory }
        do throws(DescriptorContents.Failure) {
            return try DescriptorContents.read(descriptor, atMost: limit)
        } catch {
            switch error {
            case .system(let cause): throw .system(cause)
            case .tooLarge: throw .tooLarge(limit: limit)
            }
        }
    }
}
