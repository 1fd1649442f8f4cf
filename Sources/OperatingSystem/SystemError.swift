#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A system call that failed.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value of `errno`.
    public let number: Int32

    public init(number: Int32) {
        self.number = number
    }

    /// The error of the preceding system call.
    static var last: SystemError { SystemError(number: errno) }

    public var description: String { String(cString: strerror(number)) }

    /// No space, quota or allowed length is left for a file.
    public static let fullDisk: [Int32] = [ENOSPC, EDQUOT, EFBIG]

    /// Whether descriptors, memory or buffers are exhausted, in this process or on the machine: this passes as soon as some
    /// are released.
    public var isExhaustion: Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN].contains(number)
    }
}
