public import NIOCore
public import NIOHTTP1
import NIOWebSocket
import SimpleAICore

/// Upgrades a server connection to a WebSocket if the path and header fields of its first request ask for one.
///
/// In the pipeline it follows the HTTP handlers, which it removes, and precedes the handlers of ordinary requests,
/// which remain but receive nothing more. Any other first request is forwarded unchanged, and this handler is removed.
public final class ServerUpgrade: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundOut = ByteBuffer

    private enum Phase {
        case waiting
        /// The head was accepted; the end of the request is awaited.
        case accepted(HTTPRequestHead, HTTPHeaders)
        case upgrading
    }

    private let path: String
    private let options: WebSocketOptions
    private let httpHandlers: [any RemovableChannelHandler]
    private let receiver: (any Channel, HTTPRequestHead) -> (any WebSocketReceiver)?
    private var phase = Phase.waiting

    /// - Parameters:
    ///   - path: the path that upgrades, without a query.
    ///   - httpHandlers: all HTTP handlers before this one.
    ///   - receiver: creates the receiver of the new socket's events; if it returns nil, the request is forwarded
    ///     instead.
    public init(
        path: String, options: WebSocketOptions,
        removing httpHandlers: [any RemovableChannelHandler],
        receiver: @escaping (any Channel, HTTPRequestHead) -> (any WebSocketReceiver)?
    ) {
        self.path = path
        self.options = options
        self.httpHandlers = httpHandlers
        self.receiver = receiver
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (phase, unwrapInboundIn(data)) {
        case (.waiting, .head(let head)):
            if isOffer(head), let response = Self.response(to: head, context.channel) {
                phase = .accepted(head, response)
            } else {
                forwardAndRemoveSelf(data, context)
            }
        case (.accepted(let head, let response), .end):
            guard let receiver = receiver(context.channel, head) else {
                context.fireChannelRead(wrapInboundOut(.head(head)))
                return forwardAndRemoveSelf(data, context)
            }
            phase = .upgrading
            upgrade(to: receiver, response, context)
        // A body, or another request before the response to the first.
        case (.accepted, _), (.upgrading, _): context.close(promise: nil)
        case (.waiting, _): context.fireChannelRead(data)
        }
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Frames that arrive before the response are parsed as HTTP.
        if case .upgrading = phase { return context.close(promise: nil) }
        context.fireErrorCaught(error)
    }

    private func forwardAndRemoveSelf(_ data: NIOAny, _ context: ChannelHandlerContext) {
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// Whether the request asks for a WebSocket (RFC 6455 §4.2.1).
    private func isOffer(_ head: HTTPRequestHead) -> Bool {
        let target = head.uri.prefix { $0 != "?" }
        let keys = head.headers["Sec-WebSocket-Key"]
        return target == path && head.method == .GET && head.version == .http1_1
            && head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
            && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
            && keys.count == 1 && keys[0].utf8.count == 24
            && !head.headers.contains(name: "Content-Length") && !head.headers.contains(name: "Transfer-Encoding")
    }

    /// The header fields of the response; nil for another version of the protocol.
    private static func response(to head: HTTPRequestHead, _ channel: any Channel) -> HTTPHeaders? {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        var response: HTTPHeaders?
        // The upgrader does not wait for anything: the response is ready when this call returns.
        upgrader.buildUpgradeResponse(channel: channel, upgradeRequest: head, initialResponseHeaders: [:])
            .assumeIsolated().whenSuccess { response = $0 }
        return response
    }

    private func upgrade(to receiver: any WebSocketReceiver, _ response: HTTPHeaders, _ context: ChannelHandlerContext)
    {
        let pipeline = context.pipeline.syncOperations
        let removals = httpHandlers.map { pipeline.removeHandler($0) }
        EventLoopFuture.andAllSucceed(removals, on: context.eventLoop).assumeIsolated().whenComplete { [self] result in
            guard case .success = result, context.channel.isActive else {
                receiver.webSocketClosed(.lost)
                return context.close(promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(Self.switchingProtocols(response)), promise: nil)
            do {
                try pipeline.addHandlers(
                    WebSocketFrameEncoder(),
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: options.maxMessage.bytes)),
                    WebSocketHandler(.server, options: options, receiver: receiver), position: .before(self))
            } catch {
                receiver.webSocketClosed(.lost)
                return context.close(promise: nil)
            }
            // The HTTP pipelining handler has paused reading until a response.
            context.read()
            pipeline.removeHandler(self, promise: nil)
        }
    }

    private static func switchingProtocols(_ fields: HTTPHeaders) -> ByteBuffer {
        var text = "HTTP/1.1 101 Switching Protocols\r\n"
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        return ByteBuffer(string: text + "\r\n")
    }
}
