import NIOCore
import NIOHTTP1
import SimpleAICore

/// Turns what is no HTTP, and heads that are too large, into an error object and a closed connection. The error ends
/// here: handed on, it would be answered a second time.
///
/// It stands behind the pipeline handler, which delivers errors in the order of requests.
final class ProtocolErrors: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a refused client may go on talking: closing at once would make its kernel throw our answer away
    /// together with what it still sends.
    private static let discardingTime: TimeAmount = .seconds(2)

    private var responseIsUnderWay = false
    private var hasAnswered = false
    private var closesAfterDiscarding: Scheduled<Void>?

    func channelInactive(context: ChannelHandlerContext) {
        closesAfterDiscarding?.cancel()
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): responseIsUnderWay = head.status.code >= 200
        case .end: responseIsUnderWay = false
        case .body: break
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // What a decoder that has failed says to every further byte.
        case is ByteToMessageDecoderError where hasAnswered: return
        case let error as HTTPParserError where !responseIsUnderWay && !hasAnswered: answer(error, context)
        // The connection broke (everybody learns that from channelInactive), or it is too late for an answer.
        default: context.close(promise: nil)
        }
    }

    private func answer(_ parserError: HTTPParserError, _ context: ChannelHandlerContext) {
        hasAnswered = true
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
            GatewayError(.invalidRequest, "This is no valid HTTP/1.1 request.")
        }
    }
}
