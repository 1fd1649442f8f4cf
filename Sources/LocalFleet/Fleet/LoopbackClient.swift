import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Sends one HTTP request to a server on this machine: for start-up and tokens, not for load.
enum LoopbackClient {
    struct Response: Sendable {
        let status: Int
        let body: [UInt8]
    }

    enum Failure: Error, CustomStringConvertible {
        case address(String)
        case closedEarly

        var description: String {
            switch self {
            case .address(let url): "\(url) is not an http:// URL"
            case .closedEarly: "the connection closed before the response was complete"
            }
        }
    }

    private static let maxResponseSize = 8 << 20

    /// - Throws: `Failure`, or the error of the socket.
    static func send(
        _ method: HTTPMethod, _ url: String, _ fields: [(String, String)] = [], _ body: [UInt8] = []
    ) async throws -> Response {
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.encodedHost else {
            throw Failure.address(url)
        }
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        let target = path + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: HTTPHeaders(fields))
        head.headers.add(name: "host", value: "\(host):\(parts.port ?? 80)")
        head.headers.add(name: "connection", value: "close")
        head.headers.add(name: "content-length", value: "\(body.count)")
        let request = head
        let connection = Connection()
        let connected = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { connection.opened(channel) } }
            .connect(host: host, port: parts.port ?? 80)
        return try await withTaskCancellationHandler {
            try await connected.flatMap { exchange(request, ByteBuffer(bytes: body), on: $0) }.get()
        } onCancel: {
            connection.close()
        }
    }

    /// The connection of one request; it can be closed at any time, even before it is established.
    private final class Connection: Sendable {
        private let state = Mutex<(channel: (any Channel)?, isClosed: Bool)>((nil, false))

        func opened(_ channel: any Channel) {
            let isClosed = state.withLock { state in
                state.channel = channel
                return state.isClosed
            }
            if isClosed { channel.close(promise: nil) }
        }

        func close() {
            let channel = state.withLock { state in
                state.isClosed = true
                return state.channel
            }
            channel?.close(promise: nil)
        }
    }

    private static func exchange(
        _ head: HTTPRequestHead, _ body: ByteBuffer, on channel: any Channel
    ) -> EventLoopFuture<Response> {
        let promise = channel.eventLoop.makePromise(of: Response.self)
        do {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandlers(
                NIOHTTPClientResponseAggregator(maxContentLength: maxResponseSize), ResponseParser(promise))
        } catch {
            promise.fail(error)
            return promise.futureResult
        }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return promise.futureResult
    }

    private final class ResponseParser: ChannelInboundHandler {
        typealias InboundIn = NIOHTTPClientResponseFull

        private let promise: EventLoopPromise<Response>

        init(_ promise: EventLoopPromise<Response>) {
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let response = unwrapInboundIn(data)
            promise.succeed(
                Response(
                    status: Int(response.head.status.code),
                    body: response.body.map { Array($0.readableBytesView) } ?? []))
            context.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.fail(Failure.closedEarly)
            context.fireChannelInactive()
        }
    }
}
