public import NIOCore
public import NIOPosix
import NetworkErrors
public import SimpleAICore

/// Sends magic packets over UDP: to the limited broadcast address, a directed one, a unicast address or a host name,
/// IPv4 or IPv6.
///
/// Each packet gets its own socket: a wake needs only a few of them, and a new socket needs no management and uses the
/// current interfaces, routes and address family.
public struct Broadcaster: Sendable {
    private let group: any EventLoopGroup

    public init(group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        self.group = group
    }

    public func send(_ request: WakePacketRequest) async throws(PowerError) {
        guard let packet = MagicPacket(mac: request.mac, secureOn: request.secureOn) else {
            throw .invalidRequest(reason: "a SecureOn password must have 6 bytes, not \(request.secureOn.count)")
        }
        try await send(packet, to: request.broadcast, port: request.port)
    }

    /// Returns once the system has accepted the packet.
    ///
    /// - Parameters:
    ///   - address: an IP address, or a host name, which is resolved off the event loops.
    ///   - port: 1 to 65535; 9 by convention.
    public func send(_ packet: MagicPacket, to address: String, port: Int) async throws(PowerError) {
        guard (1...65_535).contains(port) else { throw .invalidRequest(reason: "\(port) is not a UDP port") }
        let remote = try await resolve(address, port: port)
        do {
            try await transmit(packet, to: remote)
        } catch {
            throw Self.translate(error, address: address)
        }
    }

    private func resolve(_ host: String, port: Int) async throws(PowerError) -> SocketAddress {
        // Fails for a host name, which has to be resolved.
        if let address = try? SocketAddress(ipAddress: host, port: port) { return address }
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                try SocketAddress.makeAddressResolvingHost(host, port: port)
            }
        } catch {
            throw .unknownHost(host)
        }
    }

    private func transmit(_ packet: MagicPacket, to remote: SocketAddress) async throws {
        let anyAddress = try SocketAddress(ipAddress: remote.protocol == .inet6 ? "::" : "0.0.0.0", port: 0)
        let channel = try await DatagramBootstrap(group: group)
            .channelOption(.socketOption(.so_broadcast), value: 1)
            .bind(to: anyAddress)
            .get()
        let envelope = AddressedEnvelope(remoteAddress: remote, data: channel.allocator.buffer(bytes: packet.bytes))
        let written = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(envelope, promise: written)
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        // Awaited, so that no descriptor outlives the call.
        try await channel.closeFuture.get()
        try await written.futureResult.get()
    }

    static func translate(_ error: any Error, address: String) -> PowerError {
        guard let error = error as? IOError else {
            return .failed(address: address, reason: NetworkErrorText.of(error))
        }
        return switch error.errnoCode {
        case EACCES, EPERM: .notPermitted(address: address)
        case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, ENETDOWN: .noRoute(address: address)
        default: .failed(address: address, reason: NetworkErrorText.of(error))
        }
    }
}
