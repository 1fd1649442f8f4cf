import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import SimpleAICore
import Testing

@testable import LocalFleet

/// A client's HTTP/2 connection whose streams, windows and protocol violations are controlled by a test.
final class HTTP2Client: Sendable {
    struct State: Sendable {
        /// Last stream and error code of every GOAWAY.
        var goAways: [(last: Int, code: HTTP2ErrorCode)] = []
        var isReady = false
        var hasEnded = false
    }

    let channel: any Channel
    let state: Watched<State>
    private let streams: NIOHTTP2Handler.StreamMultiplexer

    private init(_ channel: any Channel, _ state: Watched<State>, _ streams: NIOHTTP2Handler.StreamMultiplexer) {
        self.channel = channel
        self.state = state
        self.streams = streams
    }

    /// - Parameters:
    ///   - window: the number of bytes of a response that may arrive on one stream before they are read.
    ///   - source: the local address to connect from; nil for any.
    static func connect(
        to port: Int, window: Int = 65_535, from source: String? = nil
    ) async throws -> HTTP2Client {
        let tls = try TLSClient.context(["h2"])
        let state = Watched(State())
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        let (channel, streams) =
            try await bootstrap
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    var connection = NIOHTTP2Handler.ConnectionConfiguration()
                    // Violations are for the gateway to detect.
                    connection.headerBlockValidation = .disabled
                    connection.contentLengthValidation = .disabled
                    connection.initialSettings = [HTTP2Setting(parameter: .initialWindowSize, value: window)]
                    connection.targetWindowSize = 16 << 20
                    var stream = NIOHTTP2Handler.StreamConfiguration()
                    stream.targetWindowSize = window
                    let handler = NIOHTTP2Handler(
                        mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection,
                        streamConfiguration: stream
                    ) { $0.eventLoop.makeSucceededVoidFuture() }
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLClientHandler(context: tls, serverHostname: nil), handler, Watcher(state))
                    return (channel, try handler.syncMultiplexer())
                }
            }
        _ = try await state.value { $0.isReady || $0.hasEnded }
        return HTTP2Client(channel, state, streams)
    }

    /// Begins a request.
    /// - Parameters:
    ///   - fields: the whole head, pseudo-headers first.
    ///   - body: nil for none.
    ///   - isWhole: false if more of the body will follow.
    func send(_ fields: [(String, String)], body: String? = nil, isWhole: Bool = true) async throws -> HTTP2Stream {
        let state = Watched(HTTP2Stream.State())
        let channel = try await streams.createStreamChannel { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(HTTP2Stream.Receiver(state))
            }
        }.get()
        let stream = HTTP2Stream(channel, state)
        let ends = body == nil && isWhole
        let head = HTTP2Frame.FramePayload.headers(.init(headers: HPACKHeaders(fields), endStream: ends))
        try await channel.writeAndFlush(head)
        // The gateway may refuse the head before the body has been sent: the stream's state shows it.
        if let body { try? await stream.send(body, isLast: isWhole) }
        return stream
    }

    /// Sends a whole request with trailers after its body.
    func send(_ fields: [(String, String)], body: String, trailers: [(String, String)], areLast: Bool = true)
        async throws -> HTTP2Stream
    {
        let stream = try await send(fields, body: body, isWhole: false)
        let payload = HTTP2Frame.FramePayload.headers(.init(headers: HPACKHeaders(trailers), endStream: areLast))
        try? await stream.channel.writeAndFlush(payload)
        return stream
    }

    /// Sends a frame on the connection itself.
    func send(_ payload: HTTP2Frame.FramePayload) async throws {
        try await channel.writeAndFlush(HTTP2Frame(streamID: .rootStream, payload: payload))
    }

    func close() async { try? await channel.close() }

    /// Returns when the connection has closed.
    func isLeft() async throws { _ = try await state.value { $0.hasEnded } }

    private final class Watcher: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        private let state: Watched<State>
        private var isAuthenticated = false

        init(_ state: Watched<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data).payload {
            case .goAway(let last, let code, _): state.update { $0.goAways.append((Int(last), code)) }
            case .settings: state.update { $0.isReady = true }
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { state.update { $0.hasEnded = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}

/// One request and its response.
final class HTTP2Stream: Sendable {
    struct State: Sendable {
        var fields: [(name: String, value: String)] = []
        var informational: [Int] = []
        var body: [UInt8] = []
        var frames = 0
        var hasEnd = false
        /// The error code with which the stream was reset.
        var code: HTTP2ErrorCode?
        var isClosed = false

        var response: Response {
            var response = Response()
            response.status = fields.first { $0.name == ":status" }.flatMap { Int($0.value) } ?? 0
            response.fields = fields
            response.body = body
            response.chunks = frames
            response.endedCleanly = hasEnd
            return response
        }
    }

    let channel: any Channel
    let state: Watched<State>

    fileprivate init(_ channel: any Channel, _ state: Watched<State>) {
        self.channel = channel
        self.state = state
    }

    func send(_ body: String, isLast: Bool) async throws { try await send(Array(body.utf8), isLast: isLast) }

    func send(_ body: [UInt8], isLast: Bool) async throws {
        let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(bytes: body)), endStream: isLast)
        try await channel.writeAndFlush(HTTP2Frame.FramePayload.data(data))
    }

    /// Resets the stream, like a client that cancels.
    func reset() async { try? await channel.close() }

    func pauseReading() async throws { try await channel.setOption(.autoRead, value: false).get() }
    /// Unlike a socket, a stream does not begin reading by itself.
    func resumeReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
        channel.read()
    }

    /// The whole response, or the part of it that arrived.
    func response() async throws -> Response { try await state.value { $0.hasEnd || $0.isClosed }.response }

    func read(until text: String) async throws {
        let found = try await state.value { $0.response.text.contains(text) || $0.isClosed }
        #expect(found.response.text.contains(text), "ended after: \(found.response.text)")
    }

    /// The error code with which the stream was reset; nil if it ended without a reset.
    func code() async throws -> HTTP2ErrorCode? { try await state.value { $0.isClosed }.code }

    fileprivate final class Receiver: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload

        private let state: Watched<State>

        init(_ state: Watched<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .headers(let payload):
                state.update { state in
                    let status = payload.headers.first(name: ":status").flatMap { Int($0) } ?? 0
                    if (100..<200).contains(status) { return state.informational.append(status) }
                    state.fields += payload.headers.map { (name: $0.name, value: $0.value) }
                    if payload.endStream { state.hasEnd = true }
                }
            case .data(let payload):
                guard case .byteBuffer(let bytes) = payload.data else { return }
                state.update { state in
                    state.body += bytes.readableBytesView
                    state.frames += 1
                    if payload.endStream { state.hasEnd = true }
                }
            default: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let closed = error as? NIOHTTP2Errors.StreamClosed { state.update { $0.code = closed.errorCode } }
        }

        func channelInactive(context: ChannelHandlerContext) { state.update { $0.isClosed = true } }
    }
}

extension RunningGateway {
    func connectHTTP2(window: Int = 65_535, from source: String? = nil) async throws -> HTTP2Client {
        try await HTTP2Client.connect(to: port, window: window, from: source)
    }

    /// The head of a request in HTTP/2.
    /// - Parameter token: empty for none; nil for a valid one.
    func head(
        _ method: String = "POST", _ path: String = "/v1/chat/completions", token: String? = nil,
        fields: [(String, String)] = []
    ) throws -> [(String, String)] {
        let authorization = try token ?? self.token(["admin"])
        let pseudo = [(":method", method), (":scheme", "https"), (":authority", "gateway"), (":path", path)]
        let credentials = authorization.isEmpty ? [] : [("authorization", "Bearer \(authorization)")]
        return pseudo + credentials + (method == "POST" ? [("content-type", "application/json")] : []) + fields
    }
}
