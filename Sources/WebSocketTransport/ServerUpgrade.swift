public import NIOCore
public import NIOHTTP1
import NIOWebSocket
import SimpleAICore

/// Turns a request of a server's connection into a WebSocket, when it asks for one at the right place.
///
/// It stands between the HTTP handlers, which it removes, and those that answer ordinary requests, which stay behind it
/// and hear nothing more. Only the first request that comes here can ask: any other is passed on untouched, and this
/// handler leaves.
public final class ServerUpgrade: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundOut = ByteBuffer

    private enum Phase {
        case waiting
        /// The head was accepted; its end is awaited.
        case accepted(HTTPRequestHead, HTTPHeaders)
        case upgrading
    }

    private let path: String
    private let options: WebSocketOptions
    private let httpHandlers: [any RemovableChannelHandler]
    private let receiver: (any Channel, HTTPRequestHead) -> (any WebSocketReceiver)?
    private var phase = Phase.waiting

    /// - Parameters:
    ///   - path: of the request, without its query.
    ///   - httpHandlers: everything before this handler that speaks HTTP.
    ///   - receiver: who hears of the new socket; nil turns the request down, which passes it on.
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
                leave(passingOn: data, context)
            }
        case (.accepted(let head, let response), .end):
            guard let receiver = receiver(context.channel, head) else {
                context.fireChannelRead(wrapInboundOut(.head(head)))
                return leave(passingOn: data, context)
            }
            phase = .upgrading
            upgrade(to: receiver, response, context)
        // A body, or another request before the first was answered.
        case (.accepted, _), (.upgrading, _): context.close(promise: nil)
        case (.waiting, _): context.fireChannelRead(data)
        }
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Frames that came before our answer were taken for HTTP.
        if case .upgrading = phase { return context.close(promise: nil) }
        context.fireErrorCaught(error)
    }

    private func leave(passingOn data: NIOAny, _ context: ChannelHandlerContext) {
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// RFC 6455 §4.2.1.
    private func isOffer(_ head: HTTPRequestHead) -> Bool {
        let target = head.uri.prefix { $0 != "?" }
        let keys = head.headers["Sec-WebSocket-Key"]
        return target == path && head.method == .GET && head.version == .http1_1
            && head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
            && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
            && keys.count == 1 && keys[0].utf8.count == 24
            && !head.headers.contains(name: "Content-Length") && !head.headers.contains(name: "Transfer-Encoding")
    }

    /// The fields of the answer; nil for another version of the protocol.
    private static func response(to head: HTTPRequestHead, _ channel: any Channel) -> HTTPHeaders? {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        var response: HTTPHeaders?
        // Nothing in there waits for anything: the answer is there when this returns.
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
            // The pipelining handler had held reading back until an answer.
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
