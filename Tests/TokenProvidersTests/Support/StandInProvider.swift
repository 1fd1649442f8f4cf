import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A provider on loopback whose responses the test writes; it records its requests.
final class StandInProvider: Sendable {
    enum Answer: Sendable {
        case text(String, status: HTTPResponseStatus = .ok, type: String = "application/json", location: String? = nil)
        /// The request never gets a response.
        case silence
        /// The head is sent, and the body never ends.
        case stall
        /// The connection is closed without a response.
        case hangUp

        static func refusal(_ error: String, _ details: String = "") -> Answer {
            .text(#"{"error":"\#(error)","error_description":"\#(details)"}"#, status: .badRequest)
        }
    }

    struct Asked: Sendable {
        let path: String
        let authorization: String?
        let body: String

        /// The form's fields, decoded.
        var form: [String: String] {
            var components = URLComponents()
            components.percentEncodedQuery = body
            let items = components.queryItems ?? []
            return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, other in "\(first) \(other)" }
        }
    }

    private struct State {
        /// The last response of a path is repeated.
        var answers: [String: [Answer]] = [:]
        var asked: [Asked] = []
    }

    private let state = Mutex(State())
    private let scheme: String
    private let port: Int

    private init(scheme: String, port: Int) {
        self.scheme = scheme
        self.port = port
    }

    static func run(tls: NIOSSLContext? = nil, _ body: (StandInProvider) async throws -> Void) async throws {
        let bound = Mutex<StandInProvider?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    if let provider = bound.withLock({ $0 }) {
                        try channel.pipeline.syncOperations.addHandler(Handler(provider: provider))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let provider = StandInProvider(scheme: tls == nil ? "http" : "https", port: channel.localAddress?.port ?? 0)
        bound.withLock { $0 = provider }
        provider.publish()
        do {
            try await body(provider)
        } catch {
            try await channel.close().get()
            throw error
        }
        try await channel.close().get()
    }

    var issuer: String { "\(scheme)://127.0.0.1:\(port)" }
    /// Every request except those for the discovery document.
    var asked: [Asked] { state.withLock { $0.asked.filter { !$0.path.contains("well-known") } } }

    /// Serves a discovery document; `changes` replaces members, nil removes one.
    func publish(_ changes: [String: String?] = [:]) {
        var members: [String: String] = [
            "issuer": "\"\(issuer)\"", "token_endpoint": "\"\(issuer)/token\"",
            "device_authorization_endpoint": "\"\(issuer)/device\"",
        ]
        members.merge(changes.compactMapValues(\.self)) { _, new in new }
        for (name, value) in changes where value == nil { members[name] = nil }
        let document = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        answer("/.well-known/openid-configuration", .text("{\(document)}"))
    }

    func answer(_ path: String, _ answers: Answer...) {
        state.withLock { $0.answers[path] = answers }
    }

    private func take(_ asked: Asked) -> Answer {
        state.withLock { state in
            state.asked.append(asked)
            var answers = state.answers[asked.path] ?? []
            guard let answer = answers.first else { return .text("", status: .notFound) }
            if answers.count > 1 { answers.removeFirst() }
            state.answers[asked.path] = answers
            return answer
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let provider: StandInProvider
        private var head: HTTPRequestHead?
        private var body = ""

        init(provider: StandInProvider) { self.provider = provider }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, "")
            case .body(let bytes): body += String(buffer: bytes)
            case .end:
                let asked = Asked(
                    path: head?.uri ?? "", authorization: head?.headers.first(name: "authorization"), body: body)
                answer(provider.take(asked), context)
            }
        }

        private func answer(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .hangUp:
                context.close(promise: nil)
            case .silence:
                break
            case .stall:
                send(.ok, ["content-length": "100"], "{", context)
                context.flush()
            case .text(let body, let status, let type, let location):
                var headers: HTTPHeaders = ["content-length": "\(body.utf8.count)", "content-type": type]
                if let location { headers.add(name: "location", value: location) }
                send(status, headers, body, context)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        private func send(
            _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: String, _ context: ChannelHandlerContext
        ) {
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
    }
}
