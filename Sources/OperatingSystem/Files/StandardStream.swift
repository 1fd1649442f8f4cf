#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The streams that a process is born with. Writing to one never traps: nothing can be done for an operator whose disk is
/// full or whose terminal is gone, and calls go on.
public enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    public func write(_ text: String) {
        try? DescriptorWriter.write(Array(text.utf8), to: rawValue)
    }
}

/// Writes to a descriptor of the caller's.
public enum DescriptorWriter {
    /// Writes all of it.
    /// - Throws: `SystemError`, where some of it may have been written.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // A terminal or pipe that another process has set to return at once.
                if errno == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&entry, 1, 1_000) > 0 { continue }
                }
                throw .last
            }
            rest = rest.dropFirst(count)
        }
    }
}

// The name of the system, where a method of ours has the same.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
