import Logging
import NIOCore
import NIOPosix

/// The network that the machines of a fleet are on: what is sent to its one port arrives at every machine, as a broadcast
/// does, and at whoever listens for copies.
final class NetworkSegment: Sendable {
    private let port = Watched<Int?>(nil)

    /// The UDP port of 127.0.0.1 that reaches them all.
    func broadcastPort() async throws -> Int {
        guard let port = try await port.value(where: { $0 != nil }) else { throw CancellationError() }
        return port
    }

    /// Lives until it is cancelled.
    /// - Parameters:
    ///   - machines: the UDP ports of their power switches.
    ///   - copyPort: gets each datagram once.
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
                    // Where nobody listens for copies the kernel says so: of no interest.
                    try? await outbound.write(Datagram(remoteAddress: target, data: datagram.data))
                }
            }
        }
    }
}
