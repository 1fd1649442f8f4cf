import CSystemCalls

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The standard streams of a process. Writing to one never traps: a full disk or a closed terminal must not end calls.
public enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Makes every printed line appear immediately, also in a pipe or file. By default, the C library keeps lines until a buffer
    /// is full or the program ends, so that errors would precede the lines that led to them. Call it before the first output.
    public static func bufferOutputByLine() { csystem_buffer_output_by_line() }

    public func write(_ text: String) {
        try? DescriptorWriter.write(Array(text.utf8), to: rawValue)
    }
}

/// Writes to a descriptor that the calling code owns.
public enum DescriptorWriter {
    /// Writes all bytes.
    /// - Throws: `SystemError`; some of the bytes may have been written.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        if let error = attempt(bytes, descriptor).error { throw error }
    }

    /// - Returns: how many of the bytes were written: all of them, unless an error occurred.
    static func writeUntilError(_ bytes: [UInt8], to descriptor: Int32) -> Int { attempt(bytes, descriptor).count }

    private static func attempt(_ bytes: [UInt8], _ descriptor: Int32) -> (count: Int, error: SystemError?) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // A terminal or pipe that another process has set to non-blocking mode.
                if errno == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&entry, 1, 1_000) > 0 { continue }
                    return (bytes.count - rest.count, SystemError(number: EAGAIN))
                }
                return (bytes.count - rest.count, .last)
            }
            rest = rest.dropFirst(count)
        }
        return (bytes.count, nil)
    }
}

// `write(2)`, for methods of a type with a method of the same name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
