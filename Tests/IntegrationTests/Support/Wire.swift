import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import LocalFleet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One end of a TCP connection whose bytes, FIN and RST are controlled by a test.
final class Wire: Sendable {
    struct State: Sendable {
        /// Bytes that have arrived and that the test has not taken yet.
        var received: [UInt8] = []
        /// The total number of bytes that have arrived.
        var total = 0
        /// The peer has sent its FIN, or the connection has closed.
        var hasEnded = false
        var isClosed = false
        /// The error that ended the connection, such as a reset; nil for a regular end.
        var failure: (any Error)?

        var text: String { String(decoding: received, as: UTF8.self) }
    }

    let channel: any Channel
    let state: Watched<State>

    private init(_ channel: any Channel, _ state: Watched<State>) {
        self.channel = channel
        self.state = state
    }

    /// Must be called while the channel is initialised.
    static func install(on channel: any Channel) throws -> Wire {
        let state = Watched(State())
        try channel.pipeline.syncOperations.addHandler(Receiver(state))
        return Wire(channel, state)
    }

    /// - Parameters:
    ///   - window: the size of the receive buffer, for a client that reads slowly.
    ///   - segment: the maximum segment size. A small one, as on a real network, also keeps the peer's kernel from
    ///     buffering megabytes for a client that does not read.
    ///   - source: the local address to connect from; nil for any.
    ///   - tls: the TLS context; nil for plain TCP.
    static func connect(
        to port: Int, host: String = "127.0.0.1", from source: String? = nil, window: Int? = nil,
        segment: Int? = nil, tls: NIOSSLContext? = nil
    ) async throws -> Wire {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        if let window {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(window))
        }
        if let segment {
            bootstrap = bootstrap.channelOption(.tcpOption(.init(rawValue: TCP_MAXSEG)), value: .init(segment))
        }
        return try await bootstrap.connect(host: host, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls {
                    let handler = try NIOSSLClientHandler(context: tls, serverHostname: nil)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
                return try install(on: channel)
            }
        }
    }

    // MARK: Sending

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Sends FIN.
    func finish() async throws { try await channel.close(mode: .output) }

    /// Closes with FIN. No error if the peer has closed first.
    func close() async { try? await channel.close() }

    /// Closes with RST.
    func reset() async throws {
        let options = try #require(channel as? any SocketOptionProvider)
        try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await close()
    }

    // MARK: Receiving

    func pauseReading() async throws { try await channel.setOption(.autoRead, value: false).get() }
    func resumeReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    /// All bytes that have arrived and were not taken, as soon as they contain `text`.
    @discardableResult
    func read(until text: String) async throws -> String {
        let state = try await state.value { $0.text.contains(text) || $0.hasEnded }
        #expect(state.text.contains(text), "ended after: \(state.text)")
        return state.text
    }

    /// All bytes that have arrived and were not taken, as soon as the peer has sent its FIN.
    func readToEnd() async throws -> String { try await state.value { $0.hasEnded }.text }

    /// Returns when the connection has closed.
    func isLeft() async throws { _ = try await state.value { $0.hasEnded } }

    /// Takes the bytes that `parse` accepts, as soon as it accepts some.
    /// - Parameter parse: receives the bytes and whether they are the last ones; returns how many bytes it took.
    func take<Value: Sendable>(
        _ parse: @escaping @Sendable ([UInt8], Bool) -> (Value, Int)?
    ) async throws -> Value {
        let found = try await state.value { parse($0.received, $0.hasEnded) != nil || $0.hasEnded }
        let (value, length) = try #require(parse(found.received, found.hasEnded), "\(found.text)")
        state.update { $0.received.removeFirst(length) }
        return value
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let state: Watched<State>

        init(_ state: Watched<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            state.update {
                $0.received += bytes.readableBytesView
                $0.total += bytes.readableBytes
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { state.update { $0.hasEnded = true } }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.update {
                $0.hasEnded = true
                $0.isClosed = true
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            state.update { $0.failure = $0.failure ?? error }
            context.close(promise: nil)
        }
    }
}
