import Logging
import NIOCore
import NIOPosix
import SimpleAICore
import WakeOnLAN

/// The network card of a sleeping machine, which examines every datagram for its magic packet.
struct PowerSwitch {
    private let mac: MACAddress
    private let secureOn: [UInt8]
    private let copies: SocketAddress?
    private let logger: Logger

    init(_ options: MachineOptions, logger: Logger) throws {
        mac = options.mac
        secureOn = options.secureOn
        copies = try options.packetCopyPort.map { try SocketAddress(ipAddress: "127.0.0.1", port: $0) }
        self.logger = logger
    }

    /// Listens on a free UDP port of 127.0.0.1 until the task is cancelled.
    ///
    /// - Parameter onPacket: called for every magic packet, with whether it is for this machine.
    func run(
        onPacket: @Sendable (_ isForThisMachine: Bool) -> Void, onListening: @Sendable (_ port: Int) -> Void
    ) async throws {
        typealias Datagram = AddressedEnvelope<ByteBuffer>
        let socket = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<Datagram, Datagram>(wrappingChannelSynchronously: channel)
                }
            }
        try await socket.executeThenClose { inbound, outbound in
            if let port = socket.channel.localAddress?.port { onListening(port) }
            for try await datagram in inbound {
                guard let packet = MagicPacket(decoding: datagram.data.readableBytesView) else {
                    logger.debug(
                        "Datagram ignored",
                        metadata: [
                            "bytes": "\(datagram.data.readableBytes)", "cause": "not a magic packet",
                        ])
                    continue
                }
                onPacket(packet.mac == mac && packet.secureOn == secureOn)
                if let copies {
                    try await outbound.write(Datagram(remoteAddress: copies, data: datagram.data))
                }
            }
        }
    }
}
