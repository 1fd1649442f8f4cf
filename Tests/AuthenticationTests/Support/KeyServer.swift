import SimpleAICore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import Authentication

/// An issuer on loopback whose responses can be changed while it runs.
final class KeyServer: Sendable {
    enum Response: Sendable {
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

    private struct State {
        var responses: [String: Response] = [:]
        var requests: [String: Int] = [:]
        var accepted: [String: String] = [:]
        var credentials: [String: [String?]] = [:]
    }

    private let state = Mutex(State())
    private let port: Int
    /// The path of every request, in the order of arrival; for one reader.
    let arrivals: AsyncStream<String>
    private let arrived: AsyncStream<String>.Continuation

    private init(port: Int) {
        self.port = port
        (arrivals, arrived) = AsyncStream.makeStream()
    }

    static func run(_ body: (KeyServer) async throws -> Void) async throws {
        let handlerServer = Mutex<KeyServer?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    if let server = handlerServer.withLock({ $0 }) {
                        try channel.pipeline.syncOperations.addHandler(Handler(server: server))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = KeyServer(port: channel.localAddress?.port ?? 0)
        handlerServer.withLock { $0 = server }
        do {
            try await body(server)
        } catch {
            try await channel.close().get()
            throw error
        }
        try await channel.close().get()
    }

    /// The server's URL, which is also the issuer's name.
    var url: String { "http://127.0.0.1:\(port)" }

    func respond(_ path: String, with response: Response) {
        state.withLock { $0.responses[path] = response }
    }

    func respond(_ path: String, with value: JSONValue) {
        respond(path, with: .document(Array(value.text.utf8)))
    }

    /// Serves discovery and a key set, like a well-behaved issuer.
    func publish(_ keys: JSONValue...) {
        respond(
            "/.well-known/openid-configuration", with: ["issuer": .string(url), "jwks_uri": .string(url + "/jwks")])
        respond("/jwks", with: ["keys": .array(keys)])
    }

    func requests(for path: String) -> Int {
        state.withLock { $0.requests[path] ?? 0 }
    }

    /// The media types that the last request for a path accepted.
    func accepted(for path: String) -> String {
        state.withLock { $0.accepted[path] ?? "" }
    }

    /// The `Authorization` values of all requests for a path, in order of arrival.
    func credentials(for path: String) -> [String?] {
        state.withLock { $0.credentials[path] ?? [] }
    }

    private func take(_ path: String, accepting types: String, _ authorization: String?) -> Response {
        defer { arrived.yield(path) }
        return state.withLock { state in
            state.accepted[path] = types
            state.credentials[path, default: []].append(authorization)
            state.requests[path, default: 0] += 1
            return state.responses[path] ?? .document([], status: .notFound)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let server: KeyServer
        private var path = ""
        private var types = ""
        private var authorization: String?

        init(server: KeyServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                path = head.uri
                types = head.headers[canonicalForm: "accept"].joined(separator: ", ")
                authorization = head.headers.first(name: "authorization")
            case .body: break
            case .end: respond(context)
            }
        }

        private func respond(_ context: ChannelHandlerContext) {
            switch server.take(path, accepting: types, authorization) {
            case .hangUp:
                context.close(promise: nil)
            case .silence:
                break
            case .stall:
                send(status: .ok, headers: ["content-length": "100"], body: Array("{".utf8), context)
                context.flush()
            case .document(let body, let status, let headers):
                sendDocument(body, status: status, headers: headers, context)
            case .held(let body, let gate):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                let eventLoop = context.eventLoop
                gate.pass { eventLoop.execute { bound.value.0.sendDocument(body, bound.value.1) } }
            }
        }

        private func sendDocument(
            _ body: [UInt8], status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:],
            _ context: ChannelHandlerContext
        ) {
            var headers = headers
            headers.add(name: "content-length", value: "\(body.count)")
            send(status: status, headers: headers, body: body, context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        private func send(
            status: HTTPResponseStatus, headers: HTTPHeaders, body: [UInt8], _ context: ChannelHandlerContext
        ) {
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
    }
}

/// Delays responses until a test releases them.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var held: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let (reached, reach) = AsyncStream.makeStream(of: Void.self)

    func pass(_ body: @escaping @Sendable () -> Void) {
        let isOpen = state.withLock { state in
            if !state.isOpen { state.held.append(body) }
            return state.isOpen
        }
        if isOpen { body() }
        reach.yield()
    }

    /// Returns when a response is held, or was.
    func isReached() async {
        for await _ in reached { return }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for body in held { body() }
    }
}
