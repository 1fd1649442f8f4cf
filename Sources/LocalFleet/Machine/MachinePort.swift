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

/// A listening port that can fall silent without being given up.
///
/// A sleeping machine neither accepts nor refuses: packets to it get no answer at all. The kernel does the same for a
/// port whose accept queue is full, so we shrink the queue to one place, take that place ourselves and stop accepting.
/// Linux then drops each further SYN, and the peer's connect times out. (Where a kernel does not, connections are made
/// but never answered: a probe times out there, too.) The port stays ours all the time.
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

    /// From now on nobody gets an answer; open connections end.
    func fallSilent() async throws {
        try await change(accepting: false, queue: 0)
        connections.closeAll()
        guard let address = listener.localAddress else { return }
        do {
            let plug = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(500)).connect(to: address).get()
            self.plug.withLock { $0 = plug }
        } catch is ChannelError {
            // The place was taken by a client in the same moment: the queue is full all the same.
        }
    }

    /// Accepts connections again; those that have been trying meanwhile get through.
    func answer() async throws {
        await pullPlug()
        try await change(accepting: true, queue: Self.openQueue)
    }

    /// Closes what `fallSilent` left open.
    func pullPlug() async {
        let plug = plug.withLock { plug in
            defer { plug = nil }
            return plug
        }
        // Closed already if the listener went first: that is what we want.
        try? await plug?.close()
    }

    private func change(accepting: Bool, queue: Int32) async throws {
        let listener = listener
        try await listener.eventLoop.submit {
            // In one turn of the loop, so that nothing is accepted between the two.
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
