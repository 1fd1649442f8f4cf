#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A lock on a folder that processes of this machine respect by agreement (`flock(2)`). It leaves no file behind, and ends with
/// the object or the process, in whatever way the process ends.
public final class FolderLock: Sendable {
    public enum Kind: Hashable, Sendable {
        /// Any number of processes hold it at a time.
        case shared
        /// One process holds it, and no other holds a shared one.
        case exclusive
    }

    public enum Failure: Error, Hashable, Sendable {
        /// Another process holds a lock that excludes this one.
        case held
        /// There is no such folder, or it cannot be locked: the file system has no locks, or this user may not read it.
        case unavailable(SystemError)
    }

    private let descriptor: Descriptor

    /// Does not wait.
    public init(folder: String, _ kind: Kind) throws(Failure) {
        let number = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .unavailable(.last) }
        while flock(number, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
            let error = SystemError.last
            if error.number == EINTR { continue }
            close(number)
            throw error.number == EWOULDBLOCK ? .held : .unavailable(error)
        }
        descriptor = Descriptor(number: number)
    }

    deinit { descriptor.close() }
}
