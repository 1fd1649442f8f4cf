#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that an operator names, read once: a regular file, or a pipe such as `/dev/stdin` or `<(…)`, whose writer is
/// awaited. A named pipe that no program opens for writing is a failure.
public enum OperatorFile {
    public enum Failure: Error, Hashable, Sendable {
        case missing
        case directory
        case system(SystemError)
        case tooLarge(limit: Int)
        /// A pipe that no program writes to.
        case noWriter
    }

    /// Maximum time until a program opens a pipe for writing.
    public static let writerTimeout: Duration = .seconds(5)

    /// The complete content.
    public static func contents(
        of path: String, atMost limit: Int, writerTimeout: Duration = writerTimeout
    ) throws(Failure) -> [UInt8] {
        // Without O_NONBLOCK, opening a named pipe waits for a writer without a limit.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw errno == ENOENT ? .missing : .system(.last) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(.last) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .directory }
        let isPipe = status.st_mode & S_IFMT == S_IFIFO
        let beginning = isPipe ? try beginning(of: descriptor, within: writerTimeout) : []
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        do throws(DescriptorContents.Failure) {
            return beginning + (try DescriptorContents.read(descriptor, atMost: limit - beginning.count))
        } catch {
            switch error {
            case .system(let cause): throw .system(cause)
            case .tooLarge: throw .tooLarge(limit: limit)
            }
        }
    }

    /// Waits until the pipe has content, or until a writer has closed it.
    ///
    /// - Returns: the bytes that were read, if any.
    private static func beginning(of descriptor: Int32, within timeout: Duration) throws(Failure) -> [UInt8] {
        let deadline = ContinuousClock.now + timeout
        while true {
            // After the deadline there is a writer.
            let remaining = max(.milliseconds(100), deadline - .now)
            let milliseconds =
                remaining.components.seconds * 1_000 + remaining.components.attoseconds / 1_000_000_000_000_000
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&entry, 1, Int32(clamping: milliseconds + 1))
            if count > 0 { return [] }
            guard count == 0 else {
                if errno == EINTR { continue }
                throw .system(.last)
            }
            // A writer that writes nothing yet is awaited: it may ask its user for a password.
            var byte: UInt8 = 0
            let size = read(descriptor, &byte, 1)
            if size > 0 { return [byte] }
            guard size < 0 else { throw .noWriter }
            guard errno == EAGAIN || errno == EINTR else { throw .system(.last) }
        }
    }
}
