import NIOCore
import NIOHPACK
import NIOHTTP2
import SimpleAICore

/// The first handler of a stream: passes on only unambiguous heads, and ends the stream as HTTP/2 requires.
///
/// A malformed head resets its stream (RFC 9113 §8.1.1); one that is too large gets a 431, one that contradicts itself a
/// 400. When a later handler closes the stream after the response was written, this handler sends nothing if the request
/// is complete, and a reset with NO_ERROR if the client is still sending. A close before the end of the response becomes
/// a reset, which shows that the response is incomplete. `CloseStream` resets the stream at any time.
final class StreamRules: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// A user event: resets the stream without waiting for the client to read a written response.
    struct CloseStream {}

    private let maxHead: Int
    private let isAdmitted: Bool
    private var hasHead = false
    private var isRefused = false
    private var requestIsComplete = false
    private var responseIsComplete = false
    private var responseIsSent = false
    /// Whether a handler closed the stream after the end of the response was written and before it was sent.
    private var endsWhenWritten = false

    /// - Parameter isAdmitted: whether the stream is admitted; the client may retry a refused one.
    init(maxHead: Int, isAdmitted: Bool = true) {
        self.isAdmitted = isAdmitted
        self.maxHead = maxHead
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(var payload):
            if payload.endStream { requestIsComplete = true }
            guard !isRefused else { return }
            guard isAdmitted else {
                isRefused = true
                context.writeAndFlush(wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
                return
            }
            do throws(StreamHead.Violation) {
                if hasHead {
                    try StreamHead.checkTrailers(payload.headers)
                } else {
                    hasHead = true
                    payload.headers = try StreamHead.checked(payload.headers, maxSize: maxHead)
                }
            } catch {
                return refuse(error, context)
            }
            context.fireChannelRead(wrapInboundOut(.headers(payload)))
        case .data(let payload):
            if payload.endStream { requestIsComplete = true }
            if !isRefused { context.fireChannelRead(data) }
        default:
            if !isRefused { context.fireChannelRead(data) }
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        let payload = unwrapOutboundIn(data)
        guard payload.endsStream else { return context.write(data, promise: promise) }
        writeEnd(payload, context, promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard responseIsComplete, mode != .input else { return context.close(promise: promise) }
        endsWhenWritten = true
        endIfWritten(context)
        promise?.succeed()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is CloseStream else { return context.triggerUserOutboundEvent(event, promise: promise) }
        context.close(promise: promise)
    }

    private func writeEnd(
        _ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        responseIsComplete = true
        let out = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        out.futureResult.assumeIsolated().whenSuccess { [weak self] in
            self?.responseIsSent = true
            self?.endIfWritten(bound.value)
        }
        out.futureResult.cascade(to: promise)
        context.write(wrapOutboundOut(payload), promise: out)
    }

    /// Resets the stream if the response does not depend on the rest of the request (RFC 9113 §8.1).
    private func endIfWritten(_ context: ChannelHandlerContext) {
        guard endsWhenWritten, responseIsSent, !requestIsComplete, context.channel.isActive else { return }
        endsWhenWritten = false
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }

    private func refuse(_ violation: StreamHead.Violation, _ context: ChannelHandlerContext) {
        isRefused = true
        let error: GatewayError
        switch violation {
        case .malformed: return context.writeAndFlush(wrapOutboundOut(.rstStream(.protocolError)), promise: nil)
        case .tooLarge: error = GatewayError(.headersTooLarge, "The request headers are too large.")
        case .repeated(let name): error = .repeatedField(name)
        case .credentials: error = .credentialsDiffer
        }
        let body = ByteBuffer(string: error.body.json)
        let headers: HPACKHeaders = [
            ":status": String(error.status()), "content-type": "application/json",
            "content-length": String(body.readableBytes), "x-request-id": RequestID.id(stated: nil).rawValue,
        ]
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        endsWhenWritten = true
        writeEnd(.data(.init(data: .byteBuffer(body), endStream: true)), context, nil)
        context.flush()
    }
}

extension HTTP2Frame.FramePayload {
    fileprivate var endsStream: Bool {
        switch self {
        case .data(let payload): payload.endStream
        case .headers(let payload): payload.endStream
        default: false
        }
    }
}
