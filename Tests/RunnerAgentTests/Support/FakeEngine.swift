import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Responds like an engine's own API, from a table, and records the requests.
final class FakeEngine: Sendable {
    struct Answer: Sendable {
        var status = 200
        var body = "{}"

        static func json(_ body: String) -> Answer { Answer(body: body) }
    }

    private final class Book: Sendable {
        let answers: Mutex<[String: Answer]>
        let asked = Mutex<[String]>([])
        let closesReusedConnections: Bool

        init(_ answers: [String: Answer], closesReusedConnections: Bool) {
            self.answers = Mutex(answers)
            self.closesReusedConnections = closesReusedConnections
        }
    }

    let port: Int
    private let book: Book
    private let listener: any Channel

    /// - Parameters:
    ///   - answers: responses by method and path, such as `GET /api/tags`; all other requests get 404.
    ///   - closesReusedConnections: the second request on a connection finds it closed, like a request that crosses the
    ///     close of an idle connection.
    static func with<Result: Sendable>(
        _ answers: [String: Answer], closesReusedConnections: Bool = false,
        _ body: (FakeEngine) async throws -> Result
    ) async throws -> Result {
        let engine = try await FakeEngine(answers, closesReusedConnections)
        do {
            let result = try await body(engine)
            try await engine.listener.close()
            return result
        } catch {
            try? await engine.listener.close()
            throw error
        }
    }

    private init(_ answers: [String: Answer], _ closesReusedConnections: Bool) async throws {
        let book = Book(answers, closesReusedConnections: closesReusedConnections)
        self.book = book
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(book))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
    }

    var url: String { "http://127.0.0.1:\(port)" }
    /// Method, path and body of every request, in order.
    var requests: [String] { book.asked.withLock { $0 } }
    func set(_ request: String, _ response: Answer) { book.answers.withLock { $0[request] = response } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let book: Book
        private var line = ""
        private var body = ""
        private var hasResponded = false

        init(_ book: Book) { self.book = book }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (line, body) = ("\(head.method.rawValue) \(head.uri)", "")
            case .body(let bytes): body += String(buffer: bytes)
            case .end where hasResponded && book.closesReusedConnections:
                context.close(promise: nil)
            case .end:
                hasResponded = true
                let asked = body.isEmpty ? line : "\(line) \(body)"
                book.asked.withLock { $0.append(asked) }
                let response =
                    book.answers.withLock { $0[line] } ?? Answer(status: 404, body: "{\"error\":\"nothing here\"}")
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: response.status),
                    headers: ["Content-Length": "\(response.body.utf8.count)", "Content-Type": "application/json"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
