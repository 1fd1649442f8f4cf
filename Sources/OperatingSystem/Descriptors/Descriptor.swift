import CSystemCalls

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file descriptor that its owner closes once.
struct Descriptor: Hashable, Sendable {
    let number: Int32

    /// Closes the descriptor. Not repeated after an interruption by a signal: on Linux the number is already free then, and
    /// may have been reused.
    func close() {
        #if canImport(Glibc)
        _ = Glibc.close(number)
        #elseif canImport(Musl)
        _ = Musl.close(number)
        #else
        _ = Darwin.close(number)
        #endif
    }
}

/// The two ends of a pipe; child processes do not inherit them.
struct DescriptorPair: Hashable, Sendable {
    let reader: Descriptor
    let writer: Descriptor

    static func pipe() throws(SystemError) -> DescriptorPair {
        var ends: [Int32] = [-1, -1]
        guard csystem_pipe(&ends) == 0 else { throw .last }
        return DescriptorPair(reader: Descriptor(number: ends[0]), writer: Descriptor(number: ends[1]))
    }
}
