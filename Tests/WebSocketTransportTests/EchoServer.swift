import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SimpleAICore

@testable import WebSocketTransport

/// A server with one WebSocket path, `/echo`, and ordinary HTTP responses on every other.
struct EchoServer {
    let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    static func with<Value: Sendable>(
        tls: NIOSSLContext? = nil, options: WebSocketOptions = .init(), admits: Bool = true,
        _ body: @Sendable (EchoServer) async throws -> Value
    ) async throws -> Value {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    let encoder = HTTPResponseEncoder()
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
                    let pipelining = HTTPServerPipelineHandler()
                    try pipeline.addHandlers(
                        encoder, decoder, pipelining,
                        ServerUpgrade(path: "/echo", options: options, removing: [encoder, decoder, pipelining]) {
                            _, _ in
                            admits ? Echo() : nil
                        }, PlainAnswers())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<Value, any Error>
        do { result = .success(try await body(EchoServer(channel: channel))) } catch { result = .failure(error) }
        try await channel.close()
        return try result.get()
    }

    func address(_ path: String = "/echo", scheme: String = "ws") throws -> WebSocketAddress {
        guard let address = WebSocketAddress("\(scheme)://127.0.0.1:\(port)\(path)") else { throw ChannelError.eof }
        return address
    }
}

private final class Echo: WebSocketReceiver {
    private var socket: WebSocket?

    func webSocketOpened(_ socket: WebSocket) { self.socket = socket }
    func webSocketReceived(_ message: WebSocketMessage) {
        switch message {
        case .text("burst"): for index in 0..<100 { socket?.send("\(index)") }
        case .text("bye"): socket?.close(.goingAway)
        case .text("vanish"): socket?.abort()
        case .text(let text): socket?.send(text)
        case .binary: socket?.send("binary")
        }
    }
    func webSocketClosed(_ end: WebSocketEnd) {}
}

private final class PlainAnswers: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .imATeapot, headers: ["Content-Length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
