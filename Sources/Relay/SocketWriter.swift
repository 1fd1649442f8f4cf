import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Writes directly to a channel's socket.
///
/// A channel queues a write, marks it on flush, builds vectors from the queue, and counts the bytes written: about 1 µs
/// around a system call that mostly takes everything (docs/decisions/0011). Bytes that the kernel does not accept must be
/// written to the channel, and nothing may be written here while the channel has pending bytes.
struct SocketWriter {
    private let channel: any Channel
    private let handle: NIOBSDSocket.Handle

    /// Nil if the channel has no socket or does not expose it.
    init?(_ channel: any Channel) {
        let found = try? channel.pipeline.syncOperations
            .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let found else { return nil }
        self.channel = channel
        handle = found
    }

    /// Whether the channel has written bytes that are not sent yet.
    var hasPendingWrites: Bool {
        do {
            return try channel.syncOptions?.getOption(.bufferedWritableBytes) != 0
        } catch {
            return true  // the channel is closed
        }
    }

    /// Whether the socket is still open. Check before each write: once the socket is closed, its descriptor may be reused. A
    /// closing channel becomes inactive in the same step, before it notifies any handler.
    var isOpen: Bool { channel.isActive }

    /// - Returns: the number of bytes that the kernel accepted; 0 on any error, which the channel's own write will then
    ///   report.
    func write(_ bytes: ByteBuffer) -> Int {
        guard bytes.readableBytes > 0 else { return 0 }
        return bytes.withUnsafeReadableBytes { max(0, send(handle, $0.baseAddress, $0.count, Self.flags)) }
    }

    #if canImport(Darwin)
    // On this platform channels turn SIGPIPE off for the whole socket.
    private static let flags = MSG_DONTWAIT
    #else
    private static let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    #endif
}
