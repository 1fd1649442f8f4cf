package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A request as the stand-in receives it.
package struct StandInRequest: Sendable {
    package let method: String
    package let path: String
    package let authorization: String?
    /// The value of the field `x-api-key`.
    package let apiKey: String?
    package let body: [UInt8]

    package init(method: String, path: String, authorization: String?, apiKey: String? = nil, body: [UInt8]) {
        self.method = method
        self.path = path
        self.authorization = authorization
        self.apiKey = apiKey
        self.body = body
    }
}

/// The stand-in's response.
package struct StandInResponse: Sendable {
    package var status: Int
    package var headers: [(String, String)]
    package var body: String
    /// Delay before the response.
    package var delay: TimeAmount
    /// Whether to close the connection within the body.
    package var isCut: Bool
    /// Writes the body piece by piece, in the place of `body`; runs on the connection's event loop.
    package var stream: (@Sendable (StandInBody) -> Void)?

    package init(
        status: Int = 200, headers: [(String, String)] = [("content-type", "application/json")], body: String = "",
        delay: TimeAmount = .zero, isCut: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.delay = delay
        self.isCut = isCut
    }
}

/// The body of a response that is written piece by piece.
package struct StandInBody: Sendable {
    private let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    var loop: any EventLoop { channel.eventLoop }
    var isOpen: Bool { channel.isActive }
    /// Succeeds when the connection is closed, by either side.
    var closed: EventLoopFuture<Void> { channel.closeFuture }

    func write(_ text: String) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
    }

    func end() {
        let channel = channel
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// A loopback HTTP server that gets every response from a closure.
package struct StandInServer: Sendable {
    package typealias Responder = @Sendable (StandInRequest, any EventLoop) -> EventLoopFuture<StandInResponse>

    private let channel: any Channel
    package let port: Int

    /// - Parameters:
    ///   - port: 0 selects a free one.
    ///   - certificate: enables TLS.
    package static func start(
        port: Int = 0, certificate: StandInCertificate? = nil, _ respond: @escaping Responder
    ) async throws -> StandInServer {
        let tls = certificate?.context
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(respond: respond))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return StandInServer(channel: channel, port: channel.localAddress?.port ?? port)
    }

    package func stop() async throws { try await channel.close() }

    /// Returns when the server has stopped.
    package func untilStopped() async throws { try await channel.closeFuture.get() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let respond: Responder
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(respond: @escaping Responder) { self.respond = respond }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(let buffer): body += buffer.readableBytesView
            case .end:
                guard let head else { return }
                let request = StandInRequest(
                    method: head.method.rawValue, path: head.uri,
                    authorization: head.headers.first(name: "authorization"),
                    apiKey: head.headers.first(name: "x-api-key"), body: body)
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                let loop = context.eventLoop
                respond(request, loop).hop(to: loop).whenSuccess { response in
                    loop.scheduleTask(in: response.delay) {
                        let (handler, context) = bound.value
                        handler.write(response, context)
                    }
                }
            }
        }

        private func write(_ response: StandInResponse, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            var headers = HTTPHeaders(response.headers)
            headers.add(name: "connection", value: "close")
            if let stream = response.stream {
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: response.status), headers: headers)
                context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
                return stream(StandInBody(channel: context.channel))
            }
            headers.add(name: "content-length", value: "\(response.body.utf8.count + (response.isCut ? 10 : 0))")
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: response.status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.body)))), promise: nil)
            if response.isCut {
                context.close(promise: nil)
            } else {
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
            }
        }
    }
}
