import NIOCore
import NIOHTTP1
import NIOWebSocket
import SimpleAICore

/// The client side of the opening handshake (RFC 6455 §4.1).
struct ClientHandshake {
    let address: WebSocketAddress
    let headers: HTTPHeaders
    let options: WebSocketOptions

    private typealias Upgrade = NIOTypedHTTPClientUpgradeHandler<WebSocketConnection>

    /// Performs the handshake on a new channel; if it fails, the channel is closed.
    func begin(on channel: any Channel) throws -> EventLoopFuture<WebSocketConnection> {
        let encoder = HTTPRequestEncoder()
        // The first frames may arrive together with the response.
        let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
        let watch = StatusWatch()
        // Refuses header fields that contain line breaks.
        let validator = NIOHTTPRequestHeadersValidator()
        let upgrade = Upgrade(httpHandlers: [encoder, validator, decoder, watch], upgradeConfiguration: configuration)
        try channel.pipeline.syncOperations.addHandlers(encoder, validator, decoder, watch, upgrade)
        let deadline = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(options.connectTimeout)) {
            channel.close(promise: nil)
        }
        return upgrade.upgradeResultFuture.assumeIsolated().flatMapErrorThrowing { _ in
            channel.close(promise: nil)
            // A 101 with a wrong key is not a refusal: the handshake failed.
            if let status = watch.status, status != 101 { throw WebSocketConnectError.refused(status: status) }
            throw WebSocketConnectError.noHandshake
        }.map { connection in
            deadline.cancel()
            return connection
        }.nonisolated()
    }

    private var configuration: NIOTypedHTTPClientUpgradeConfiguration<WebSocketConnection> {
        let options = options
        let upgrader = NIOTypedWebSocketClientUpgrader<WebSocketConnection>(
            maxFrameSize: options.maxMessage.bytes, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let messages = MessageStream(limit: options.maxUnread)
                try channel.pipeline.syncOperations.addHandler(
                    WebSocketHandler(.client, options: options, receiver: messages))
                return try messages.connection()
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: address.authority)
        return NIOTypedHTTPClientUpgradeConfiguration(upgradeRequestHead: head, upgraders: [upgrader]) { channel in
            channel.eventLoop.makeFailedFuture(WebSocketConnectError.noHandshake)
        }
    }
}

/// Records the status of the server's response.
private final class StatusWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private(set) var status: Int?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { status = Int(head.status.code) }
        context.fireChannelRead(data)
    }
}
