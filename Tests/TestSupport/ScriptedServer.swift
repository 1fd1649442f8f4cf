import NIOCore
package import NIOHTTP1
import NIOPosix
package import NIOSSL
import Synchronization

/// An HTTP/1 server on loopback whose responses come from a closure.
package struct ScriptedServer: Sendable {
    package struct Request: Sendable {
        package let head: HTTPRequestHead
        package let body: String
        /// Number of earlier requests on the same connection.
        package let earlierRequests: Int
    }

    package enum Response: Sendable {
        case document([UInt8], status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:])
        /// The connection is closed without a response.
        case hangUp
        /// The request never gets a response.
        case silence
        /// The head is sent, and the body never ends.
        case stall
        /// The document is sent when the gate opens.
        case held([UInt8], until: Gate)
    }

    package let port: Int

    /// Runs the server while `body` runs.
    /// - Parameter respond: called on an event loop when a request is complete.
    package static func run<Result: Sendable>(
        tls: NIOSSLContext? = nil, respond: @escaping @Sendable (Request) -> Response,
        _ body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(respond: respond))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body(ScriptedServer(port: listener.localAddress?.port ?? 0))
            try await listener.close().get()
            return result
        } catch {
            try await listener.close().get()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let respond: @Sendable (Request) -> Response
        private var head: HTTPRequestHead?
        private var body = ""
        private var requests = 0

        init(respond: @escaping @Sendable (Request) -> Response) { self.respond = respond }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, "")
            case .body(let bytes): body += String(buffer: bytes)
            case .end:
                guard let head else { return }
                let request = Request(head: head, body: body, earlierRequests: requests)
                requests += 1
                send(respond(request), context)
            }
        }

        private func send(_ response: Response, _ context: ChannelHandlerContext) {
            switch response {
            case .hangUp:
                context.close(promise: nil)
            case .silence:
                break
            case .stall:
                sendBegin(.ok, ["content-length": "100"], Array("{".utf8), context)
                context.flush()
            case .document(let body, let status, let headers):
                sendDocument(body, status, headers, context)
            case .held(let body, let gate):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                let eventLoop = context.eventLoop
                gate.pass { eventLoop.execute { bound.value.0.sendDocument(body, .ok, [:], bound.value.1) } }
            }
        }

        private func sendDocument(
            _ body: [UInt8], _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ context: ChannelHandlerContext
        ) {
            var headers = headers
            headers.add(name: "content-length", value: "\(body.count)")
            sendBegin(status, headers, body, context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        private func sendBegin(
            _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: [UInt8], _ context: ChannelHandlerContext
        ) {
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
    }
}

/// Delays responses until a test releases them.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var held: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let (reached, reach) = AsyncStream.makeStream(of: Void.self)

    package init() {}

    package func pass(_ body: @escaping @Sendable () -> Void) {
        let isOpen = state.withLock { state in
            if !state.isOpen { state.held.append(body) }
            return state.isOpen
        }
        if isOpen { body() }
        reach.yield()
    }

    /// Returns when a response is held, or was.
    package func isReached() async {
        for await _ in reached { return }
    }

    package func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for body in held { body() }
    }
}
