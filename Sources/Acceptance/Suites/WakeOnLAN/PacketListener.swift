import NIOCore
import NIOPosix
import Synchronization

/// Receives copies of magic packets on a UDP port of this machine.
final class PacketListener: Sendable {
    struct Packet: Sendable, Hashable {
        let at: ContinuousClock.Instant
        /// The MAC address, in lower case with colons.
        let machine: String
    }

    private let received: ReceivedPackets
    private let channel: any Channel

    private final class ReceivedPackets: Sendable {
        let packets = Mutex<[Packet]>([])
    }

    var packets: [Packet] { received.packets.withLock { $0 } }

    private init(received: ReceivedPackets, channel: any Channel) {
        self.received = received
        self.channel = channel
    }

    /// Runs `body` while listening on `port`; without a port, `body` gets nil.
    static func listening<R: Sendable>(
        on port: Int?, _ body: (PacketListener?) async throws -> R
    ) async throws -> R {
        guard let port else { return try await body(nil) }
        let received = ReceivedPackets()
        let channel: any Channel
        do {
            channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Receiver(received: received))
                    }
                }
                .bind(host: "0.0.0.0", port: port).get()
        } catch {
            throw Finding.inconclusive("cannot listen for magic packets on UDP port \(port): \(ErrorText.of(error))")
        }
        let listener = PacketListener(received: received, channel: channel)
        do {
            let result = try await body(listener)
            try await channel.close()
            return result
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    /// The MAC address in a magic packet: six bytes `FF`, then the address sixteen times; a password may follow.
    static func machine(in bytes: [UInt8]) -> String? {
        guard [102, 106, 108].contains(bytes.count), bytes.prefix(6).allSatisfy({ $0 == 0xFF }) else { return nil }
        let address = Array(bytes[6..<12])
        for repetition in 0..<16 where Array(bytes[(6 + repetition * 6)..<(12 + repetition * 6)]) != address {
            return nil
        }
        return address.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let received: ReceivedPackets

        init(received: ReceivedPackets) { self.received = received }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let machine = PacketListener.machine(in: Array(unwrapInboundIn(data).data.readableBytesView)) else {
                return
            }
            received.packets.withLock { $0.append(Packet(at: .now, machine: machine)) }
        }
    }
}
