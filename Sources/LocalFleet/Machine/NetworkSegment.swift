import Logging
import NIOCore
import NIOPosix

/// The network of a fleet's machines. A datagram to its port reaches every machine, like a broadcast, and the port for
/// copies.
final class NetworkSegment: Sendable {
    private let port = Watched<Int?>(nil)

    /// The UDP port of 127.0.0.1 that reaches all machines.
    func broadcastPort() async throws -> Int {
        guard let port = try await port.value(where: { $0 != nil }) else { throw CancellationError() }
        return port
    }

    /// Runs until the task is cancelled.
    /// - Parameters:
    ///   - machines: the UDP ports of their power switches.
    ///   - copyPort: receives each datagram once.
    func run(machines: [Int], copyPort: Int) async throws {
        defer { port.fail(CancellationError()) }
        typealias Datagram = AddressedEnvelope<ByteBuffer>
        let targets = try (machines + [copyPort]).map { try SocketAddress(ipAddress: "127.0.0.1", port: $0) }
        let socket = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<Datagram, Datagram>(wrappingChannelSynchronously: channel)
                }
            }
        try await socket.executeThenClose { inbound, outbound in
            port.update { $0 = socket.channel.localAddress?.port }
            for try await datagram in inbound {
                for target in targets {
                    // The kernel reports an error if nothing listens for copies.
                    try? await outbound.write(Datagram(remoteAddress: target, data: datagram.data))
                }
            }
        }
    }
}
