import CSystemCalls
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A temporary file without a name: its space is free once it is closed, even if the process crashes.
///
/// Its methods block, so they must not be called on an event loop. One operation at a time: `close` waits for the one in
/// progress, and later ones fail with `EBADF`. Closed by its last reference at the latest.
public final class UnnamedFile: Sendable {
    private let descriptor: Mutex<Descriptor?>

    /// Creates the file in a directory, readable and writable by this user only.
    public convenience init(in directory: String) throws(SystemError) {
        try self.init(in: directory, mayBeUnnamed: true)
    }

    /// - Parameter mayBeUnnamed: false for a file that is created with a name and loses it at once, as on file systems
    ///   without unnamed files (NFS, overlays on old kernels) and on macOS.
    init(in directory: String, mayBeUnnamed: Bool) throws(SystemError) {
        if mayBeUnnamed {
            let number = csystem_open_unnamed_file(directory)
            if number >= 0 {
                descriptor = Mutex(Descriptor(number: number))
                return
            }
            guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) else { throw .last }
        }
        var path = Array((directory + "/simpleai-XXXXXX").utf8CString)
        let number = csystem_open_removed_file(&path)
        guard number >= 0 else { throw .last }
        descriptor = Mutex(Descriptor(number: number))
    }

    /// Takes over an open descriptor.
    init(descriptor: Int32) {
        self.descriptor = Mutex(Descriptor(number: descriptor))
    }

    deinit { close() }

    /// Writes all bytes.
    /// - Throws: `SystemError`; some of the bytes may have been written.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        try use { file throws(SystemError) in
            try Self.transferAll(bytes.count) { done in
                pwrite(file, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            }
        }
    }

    /// Fills the buffer.
    /// - Throws: `SystemError`; `EIO` if the file ends before.
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) {
        try use { file throws(SystemError) in
            try Self.transferAll(bytes.count) { done in
                pread(file, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            }
        }
    }

    public func close() {
        descriptor.withLock { descriptor in
            descriptor?.close()
            descriptor = nil
        }
    }

    private func use(_ body: (Int32) throws(SystemError) -> Void) throws(SystemError) {
        let result: Result<Void, SystemError> = descriptor.withLock { descriptor in
            guard let descriptor else { return .failure(SystemError(number: EBADF)) }
            do throws(SystemError) {
                return .success(try body(descriptor.number))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Repeats a system call until it has transferred all bytes: it may transfer fewer than it was asked to, and be
    /// interrupted by a signal.
    /// - Parameter attempt: transfers bytes after those that are done; returns their number, or -1 with `errno` set.
    static func transferAll(_ count: Int, _ attempt: (_ done: Int) -> Int) throws(SystemError) {
        var done = 0
        while done < count {
            let transferred = attempt(done)
            if transferred < 0 {
                if errno == EINTR { continue }
                throw .last
            }
            // A disk that takes nothing and reports nothing, or a file that is shorter than it was.
            guard transferred > 0 else { throw SystemError(number: EIO) }
            done += transferred
        }
    }
}
