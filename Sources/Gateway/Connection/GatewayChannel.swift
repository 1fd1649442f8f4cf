import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOTLS
import Relay
import Settings
import SimpleAICore

/// The protocol of a client connection, once it is negotiated.
enum ClientProtocol: Sendable {
    case http1(ControlConnection)
    /// The streams whose requests belong to the control plane, in order of arrival.
    case http2(AsyncStream<any Channel>)

    /// The protocols offered by ALPN (RFC 7301), the preferred one first.
    static let offered = ["h2", "http/1.1"]
}

/// Requests of one HTTP/1 connection or one HTTP/2 stream, as the control plane receives them.
typealias ControlConnection = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

/// Sets up the channel of a client's connection, with both planes in one pipeline.
///
/// `CoalescingWriter` → `HTTPResponseEncoder` → `ClientConnection` (reads requests, one at a time) → `ServerUpgrade` (for
/// runner agents) → `InferenceHandler` (the data plane) → `HTTP1ToHTTPServerCodec` → Hummingbird (the control plane).
///
/// With a certificate, TLS precedes these handlers, and ALPN selects this pipeline or `HTTP2Connection`.
struct GatewayChannel: HTTPChannelHandler {
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let negotiatedProtocol: EventLoopFuture<ClientProtocol>
    }

    let responder: HTTPChannelHandler.Responder
    let gateway: GatewayServices

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let rules = gateway.rules
        let holder = rules.shareHolder(of: IPAddress(channel.remoteAddress))
        guard let entry = gateway.connections.admit(channel, from: holder) else {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return channel.eventLoop.makeCompletedFuture {
            guard let tls = rules.tls else {
                let http1 = try http1(on: channel, rules, entry, isSecure: false, logger)
                return Value(channel: channel, negotiatedProtocol: channel.eventLoop.makeSucceededFuture(.http1(http1)))
            }
            let negotiation = NIOTypedApplicationProtocolNegotiationHandler<ClientProtocol> { result, channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .negotiated("h2") = result {
                        return .http2(try HTTP2Connection.setUp(on: channel, gateway, rules, entry))
                    }
                    return .http1(try http1(on: channel, rules, entry, isSecure: true, logger))
                }
            }
            try channel.pipeline.syncOperations.addHandlers(
                NIOSSLServerHandler(context: tls),
                HandshakeGuard(timeout: TimeAmount(rules.settings.server.idleTimeout)),
                negotiation)
            return Value(channel: channel, negotiatedProtocol: negotiation.protocolNegotiationResult)
        }
    }

    private func http1(
        on channel: any Channel, _ rules: GatewayRules, _ entry: ClientConnectionEntry, isSecure: Bool,
        _ logger: Logger
    ) throws -> ControlConnection {
        let server = rules.settings.server
        let writer = CoalescingWriter(
            gateway.pools.pool(on: channel.eventLoop).flusher, nextTo: isSecure ? .tls : .socket)
        let inference = InferenceHandler(gateway: gateway, socket: writer)
        let pipeline = channel.pipeline.syncOperations
        let http: [any RemovableChannelHandler] = [
            writer,
            HTTPResponseEncoder(),
            ClientConnection(
                inference: inference, socket: writer, entry: entry, maxHead: server.maxHeaders.bytes,
                idleTimeout: TimeAmount(server.idleTimeout), drain: TimeAmount(server.drain)),
        ]
        try pipeline.addHandlers(http)
        try pipeline.addHandlers(
            gateway.agents.upgrade(replacing: http),
            inference,
            HTTP1ToHTTPServerCodec(secure: isSecure),
            HTTPConnectionStateHandler(logger: logger))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    func handle(value: Value, logger: Logger) async {
        switch try? await value.negotiatedProtocol.get() {
        case .http1(let connection): await handleHTTP(asyncChannel: connection, logger: logger)
        case .http2(let streams): await serve(streams, of: value.channel, logger)
        case nil: break  // the handshake failed
        }
    }

    private func serve(_ streams: AsyncStream<any Channel>, of connection: any Channel, _ logger: Logger) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await stream in streams {
                    group.addTask {
                        guard let open = try? await ControlPlaneBridge.open(on: stream) else { return }
                        await handleHTTP(asyncChannel: open, logger: logger)
                    }
                }
            }
        } onCancel: {
            connection.close(promise: nil)
        }
    }
}
