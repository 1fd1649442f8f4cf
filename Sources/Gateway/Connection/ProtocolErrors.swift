import NIOCore
import NIOHTTP1
import SimpleAICore

/// Turns what is no HTTP, and heads that are too large, into an error object and a closed connection. The error ends
/// here: handed on, it would be answered a second time.
///
/// It stands behind the pipeline handler, which delivers errors in the order of requests.
final class ProtocolErrors: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a refused client may go on talking: closing at once would make its kernel throw our answer away
    /// together with what it still sends.
    private static let discardingTime: TimeAmount = .seconds(2)

    private var responseIsUnderWay = false
    /// The latest response promised that it is the last one.
    private var lastResponseCloses = false
    private var isInsideRequest = false
    /// The request that is still coming has its response already.
    private var requestIsAnswered = false
    /// Nothing may follow that answer.
    private(set) var hasAnswered = false
    private var closesAfterDiscarding: Scheduled<Void>?

    func channelInactive(context: ChannelHandlerContext) {
        closesAfterDiscarding?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: (isInsideRequest, requestIsAnswered) = (true, false)
        case .body: break
        case .end: isInsideRequest = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Whoever was at work on the request whose rest turned out to be nonsense comes too late.
        guard !hasAnswered else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            responseIsUnderWay = head.status.code >= 200
            lastResponseCloses = responseIsUnderWay && !head.isKeepAlive
        case .end:
            responseIsUnderWay = false
            requestIsAnswered = isInsideRequest
        case .body: break
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // What a decoder that has failed says to every further byte.
        case is ByteToMessageDecoderError where hasAnswered: return
        // The last response is out; who wrote it closes as soon as it has been read.
        case is HTTPParserError where lastResponseCloses && !responseIsUnderWay: return
        // A second answer to one request would be taken for the answer to another.
        case is HTTPParserError where requestIsAnswered && !hasAnswered: leave(context)
        case let error as HTTPParserError where !responseIsUnderWay && !hasAnswered: answer(error, context)
        // The connection broke (everybody learns that from channelInactive), or it is too late for an answer.
        default: context.close(promise: nil)
        }
    }

    private func answer(_ parserError: HTTPParserError, _ context: ChannelHandlerContext) {
        let error = Self.gatewayError(from: parserError)
        let body = ByteBuffer(string: error.body.json)
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: error.status()),
            headers: [
                "Content-Type": "application/json", "Content-Length": String(body.readableBytes),
                "X-Request-Id": RequestID.id(stated: nil).rawValue, "Connection": "close",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        leave(context)
    }

    private func leave(_ context: ChannelHandlerContext) {
        hasAnswered = true
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        closesAfterDiscarding = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardingTime) {
            bound.value.close(promise: nil)
        }
    }

    private static func gatewayError(from error: HTTPParserError) -> GatewayError {
        switch error {
        case .headerOverflow:
            GatewayError(.headersTooLarge, "The request's headers are too large.")
        default:
            GatewayError(.invalidRequest, "This is no valid HTTP/1.1 request: \(fault(error)).")
        }
    }

    /// Where to look, for whoever wrote the client.
    private static func fault(_ error: HTTPParserError) -> String {
        switch error {
        case .invalidURL, .invalidMethod, .invalidVersion: "its request line is malformed, or the method unknown"
        case .invalidHeaderToken: "a header field is malformed, misplaced, or Host is not there exactly once"
        case .invalidContentLength, .unexpectedContentLength:
            "Content-Length and Transfer-Encoding do not say in one way how long the body is"
        case .invalidChunkSize: "a chunk of its body is malformed"
        case .invalidEOFState: "it ends too early"
        default: "it is malformed"
        }
    }
}
