package import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import Relay
import Settings
import SimpleAICore

/// The protocol of a client connection, once it is negotiated.
/// - `Control`: what the control plane makes of a connection or stream.
package enum ClientProtocol<Control: Sendable>: Sendable {
    case http1(Control)
    /// The streams whose requests belong to the control plane, in order of arrival.
    case http2(AsyncStream<any Channel>)
}

/// The protocols offered by ALPN (RFC 7301), the preferred one first.
enum ClientProtocols {
    static let offered = ["h2", "http/1.1"]
}

/// The handlers of a client's connection up to the data plane's; the control plane follows them.
///
/// `CoalescingWriter` → `HTTPResponseEncoder` → `ClientConnection` (reads requests, one at a time) → the upgrade (for
/// runner agents) → `InferenceHandler` (the data plane) → the control plane.
///
/// With a certificate TLS comes first, and ALPN decides what follows it: the same, or `HTTP2Connection`.
package struct ClientPipeline: Sendable {
    private let services: DataPlaneServices
    private let agentUpgrade: @Sendable ([any RemovableChannelHandler]) -> any ChannelHandler

    /// - Parameter agentUpgrade: the handler that turns a connection's first request into an agent's WebSocket and then
    ///   replaces the handlers it is given.
    package init(
        services: DataPlaneServices,
        agentUpgrade: @escaping @Sendable ([any RemovableChannelHandler]) -> any ChannelHandler
    ) {
        self.services = services
        self.agentUpgrade = agentUpgrade
    }

    /// Sets up an accepted connection.
    /// - Parameter attachControl: adds the control plane's handlers behind the others of an HTTP/1 connection.
    /// - Returns: the protocol once it is negotiated. The outer future fails, and the connection is closed, if the limit of
    ///   connections is reached.
    package func setUp<Control: Sendable>(
        on channel: any Channel, attachControl: @escaping @Sendable (_ isSecure: Bool) throws -> Control
    ) -> EventLoopFuture<EventLoopFuture<ClientProtocol<Control>>> {
        let rules = services.rules
        let holder = rules.access.shareHolder(of: IPAddress(channel.remoteAddress))
        guard let entry = services.connections.admit(channel, from: holder) else {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return channel.eventLoop.makeCompletedFuture {
            guard let tls = rules.tls else {
                try addHandlers(to: channel, rules, entry, isSecure: false)
                return channel.eventLoop.makeSucceededFuture(.http1(try attachControl(false)))
            }
            let negotiation = NIOTypedApplicationProtocolNegotiationHandler<ClientProtocol<Control>> {
                result, channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .negotiated("h2") = result {
                        return .http2(try HTTP2Connection.setUp(on: channel, services, rules, entry))
                    }
                    try addHandlers(to: channel, rules, entry, isSecure: true)
                    return .http1(try attachControl(true))
                }
            }
            try channel.pipeline.syncOperations.addHandlers(
                NIOSSLServerHandler(context: tls),
                HandshakeGuard(timeout: TimeAmount(rules.settings.server.idleTimeout)),
                negotiation)
            return negotiation.protocolNegotiationResult
        }
    }

    private func addHandlers(
        to channel: any Channel, _ rules: DataPlaneRules, _ entry: ClientConnectionEntry, isSecure: Bool
    ) throws {
        let server = rules.settings.server
        let writer = CoalescingWriter(
            services.pools.pool(on: channel.eventLoop).flusher, nextTo: isSecure ? .tls : .socket)
        let output = HTTP1ResponseOutput(writer)
        let inference = InferenceHandler(services: services, output: .http1(output))
        let pipeline = channel.pipeline.syncOperations
        let socketBelowTLS = isSecure ? SocketCloseHandler() : nil
        if let socketBelowTLS { try pipeline.addHandler(socketBelowTLS, position: .first) }
        let http: [any RemovableChannelHandler] = [
            writer,
            HTTPResponseEncoder(),
            ClientConnection(
                inference: inference, output: output, socket: writer, socketBelowTLS: socketBelowTLS, entry: entry,
                maxHead: server.maxHeaders.bytes, idleTimeout: TimeAmount(server.idleTimeout),
                drain: TimeAmount(server.drain), now: channel.eventLoop.now),
        ]
        try pipeline.addHandlers(http)
        try pipeline.addHandlers(agentUpgrade(http), inference)
    }
}
