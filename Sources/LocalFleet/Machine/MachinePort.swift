import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A listening port that can stop responding without being released.
///
/// A sleeping machine neither accepts nor refuses: packets to it get no response at all. The kernel behaves the same
/// for a port whose accept queue is full. So the queue is shrunk to one place, that place is taken by a connection of
/// this port itself, and accepting stops. Linux then drops each further SYN, and the peer's connect times out. (On
/// kernels that do not, connections are established but never served: a probe times out there, too.) The port stays
/// bound all the time.
final class MachinePort: Sendable {
    enum Failure: Error, CustomStringConvertible {
        case listen(errno: Int32)

        var description: String {
            switch self {
            case .listen(let number): "cannot change the accept queue: \(String(cString: strerror(number)))"
            }
        }
    }

    private static let openQueue: Int32 = 256

    private let listener: any Channel
    private let connections: ConnectionRoster
    private let plug = Mutex<(any Channel)?>(nil)

    init(listener: any Channel, connections: ConnectionRoster) {
        self.listener = listener
        self.connections = connections
    }

    /// Stops responding and closes open connections.
    func stopResponding() async throws {
        try await change(accepting: false, queue: 0)
        connections.closeAll()
        guard let address = listener.localAddress else { return }
        do {
            let plug = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(500)).connect(to: address).get()
            self.plug.withLock { $0 = plug }
        } catch is ChannelError {
            // A client took the place at the same moment: the queue is full either way.
        }
    }

    /// Accepts connections again, including those that clients have been retrying.
    func startResponding() async throws {
        await closeConnections()
        try await change(accepting: true, queue: Self.openQueue)
    }

    /// Closes what `stopResponding` left open.
    func closeConnections() async {
        let plug = plug.withLock { plug in
            defer { plug = nil }
            return plug
        }
        // Already closed if the listener closed first, which is the intended state.
        try? await plug?.close()
    }

    private func change(accepting: Bool, queue: Int32) async throws {
        let listener = listener
        try await listener.eventLoop.submit {
            // In one tick of the event loop, so that nothing is accepted in between.
            let code = try listener.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { descriptor in
                listen(descriptor, queue) == 0 ? 0 : errno
            }
            if let code, code != 0 { throw Failure.listen(errno: code) }
            try listener.syncOptions?.setOption(.autoRead, value: accepting)
        }.get()
    }
}
