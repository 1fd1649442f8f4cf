import NIOCore
import NIOPosix
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A listening socket on loopback whose connections send what a test gives them.
final class Engine: Sendable {
    private let listener: any Channel
    let port: Int
    private let accepted: AsyncStream<Peer>

    /// - Parameter readsAtOnce: false for connections that read nothing until a test turns `autoRead` on.
    init(readsAtOnce: Bool = true) async throws {
        let (accepted, accept) = AsyncStream.makeStream(of: Peer.self)
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: readsAtOnce)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (bytes, receive) = AsyncStream.makeStream(of: String.self)
                    try channel.pipeline.syncOperations.addHandler(Receiver(receive))
                    accept.yield(Peer(channel: channel, incoming: bytes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        self.accepted = accepted
    }

    /// The next incoming connection.
    func accept() async throws -> Peer {
        var iterator = accepted.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    /// Refuses new connections.
    func stopListening() async throws { try await listener.close() }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let receive: AsyncStream<String>.Continuation

        init(_ receive: AsyncStream<String>.Continuation) { self.receive = receive }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            receive.yield(String(buffer: unwrapInboundIn(data)))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { receive.finish() }
        }

        func channelInactive(context: ChannelHandlerContext) { receive.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// The engine's end of one connection.
struct Peer: Sendable {
    let channel: any Channel
    let incoming: AsyncStream<String>
    var seen = ""

    /// The bytes received so far, as soon as they end with `text`; fails if the connection ends before.
    @discardableResult
    mutating func read(until text: String) async throws -> String {
        var incoming = incoming.makeAsyncIterator()
        while !seen.hasSuffix(text) { seen += try #require(await incoming.next(), "\(seen) and then the end") }
        defer { seen = "" }
        return seen
    }

    /// Returns when the peer has closed.
    func isLeft() async {
        for await _ in incoming {}
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    func finish() async throws { try await channel.close(mode: .output) }

    /// Closes with RST instead of FIN.
    func reset() async throws {
        let options = try #require(channel as? any SocketOptionProvider)
        try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
}
