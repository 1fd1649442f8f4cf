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
/// A sleeping machine neither accepts nor refuses a connection: a packet to it gets no response. The kernel behaves the
/// same for a port whose accept queue is full. So the queue is shrunk to one place, which a connection of this port
/// fills, and accepting stops. Linux then drops each further SYN, and the peer's connect times out. (Other kernels
/// establish connections, but nothing serves them: a probe times out there, too.) The port stays bound.
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
    private let fillingConnection = Mutex<(any Channel)?>(nil)

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
            let fillingConnection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(500)).connect(to: address).get()
            self.fillingConnection.withLock { $0 = fillingConnection }
        } catch is ChannelError {
            // A client filled the place first: the queue is full either way.
        }
    }

    /// Accepts connections again, including those that clients have been retrying.
    func startResponding() async throws {
        await closeConnections()
        try await change(accepting: true, queue: Self.openQueue)
    }

    /// Closes the connection that `stopResponding` opened.
    func closeConnections() async {
        let fillingConnection = fillingConnection.withLock { fillingConnection in
            defer { fillingConnection = nil }
            return fillingConnection
        }
        // Already closed if the listener closed first, which is the intended state.
        try? await fillingConnection?.close()
    }

    private func change(accepting: Bool, queue: Int32) async throws {
        let listener = listener
        try await listener.eventLoop.submit {
            // In one tick of the event loop, so that no connection is accepted in between.
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
