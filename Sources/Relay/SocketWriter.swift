import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Writes to a channel's socket past the channel.
///
/// A channel takes a write into a list, marks it when it is flushed, makes vectors of the list, and counts what the kernel
/// took: about 1 µs around a system call that takes all there is, as it mostly does (docs/decisions/0011). Whoever uses
/// this leaves to the channel whatever the kernel does not take, and writes nothing here as long as the channel holds some.
struct SocketWriter {
    private let channel: any Channel
    private let handle: NIOBSDSocket.Handle

    /// Nil where the channel has no socket, or will not tell.
    init?(_ channel: any Channel) {
        let found = try? channel.pipeline.syncOperations
            .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let found else { return nil }
        self.channel = channel
        handle = found
    }

    /// Whether something that was written to the channel has not gone out.
    var channelHoldsSomething: Bool {
        do {
            return try channel.syncOptions?.getOption(.bufferedWritableBytes) != 0
        } catch {
            return true  // it is closed
        }
    }

    /// Whether there still is a socket. To be asked before each write: as soon as it is closed, its number may be another's.
    /// A channel that closes stops being active in the same step, before it tells anybody.
    var isOpen: Bool { channel.isActive }

    /// - Returns: how many bytes the kernel took. None where it says anything but that: the channel's own write will fail
    ///   as well, and it knows what to do.
    func write(_ bytes: ByteBuffer) -> Int {
        guard bytes.readableBytes > 0 else { return 0 }
        return bytes.withUnsafeReadableBytes { max(0, send(handle, $0.baseAddress, $0.count, Self.flags)) }
    }

    #if canImport(Darwin)
    // Channels turn the signal off for the whole socket there.
    private static let flags = MSG_DONTWAIT
    #else
    private static let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    #endif
}
