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

    /// What the system call before complained about.
    static var last: SystemError { SystemError(number: errno) }

    public var description: String { String(cString: strerror(number)) }

    /// Whether it says that descriptors, memory or buffers have run out, on this process or on the whole machine, which
    /// passes as soon as some are given back.
    public var isExhaustion: Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN].contains(number)
    }
}
