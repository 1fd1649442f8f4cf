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
    private var state: StreamRulesState

    /// - Parameter isAdmitted: whether the stream is admitted; the client may retry a refused one.
    init(maxHead: Int, isAdmitted: Bool = true) {
        self.maxHead = maxHead
        state = StreamRulesState(isAdmitted: isAdmitted)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let payload): receive(payload, context)
        case .data(let payload): if state.dataReceived(endStream: payload.endStream) { context.fireChannelRead(data) }
        default: if state.isPassing { context.fireChannelRead(data) }
        }
    }

    private func receive(_ payload: HTTP2Frame.FramePayload.Headers, _ context: ChannelHandlerContext) {
        var payload = payload
        do throws(StreamHead.Violation) {
            switch state.headersReceived(endStream: payload.endStream) {
            case .checkHead: payload.headers = try StreamHead.checked(payload.headers, maxSize: maxHead)
            case .checkTrailers: try StreamHead.checkTrailers(payload.headers)
            case .refuseStream: return reset(.refusedStream, context)
            case .drop: return
            }
        } catch {
            return refuse(error, context)
        }
        context.fireChannelRead(wrapInboundOut(.headers(payload)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state.isPassing else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        let payload = unwrapOutboundIn(data)
        guard payload.endsStream else { return context.write(data, promise: promise) }
        writeEnd(payload, context, promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .input else { return context.close(promise: promise) }
        let action = state.closeRequested()
        guard action != .reset else { return context.close(promise: promise) }
        perform(action, context)
        promise?.succeed()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is CloseStream else { return context.triggerUserOutboundEvent(event, promise: promise) }
        context.close(promise: promise)
    }

    private func perform(_ action: StreamRulesState.CloseAction, _ context: ChannelHandlerContext) {
        switch action {
        case .none: break
        case .reset: context.close(promise: nil)
        case .stopRequest: if context.channel.isActive { reset(.noError, context) }
        }
    }

    private func reset(_ code: HTTP2ErrorCode, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }

    private func writeEnd(
        _ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        state.responseCompleted()
        let out = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        out.futureResult.assumeIsolated().whenSuccess { [weak self] in
            guard let self else { return }
            self.perform(self.state.responseSent(), bound.value)
        }
        out.futureResult.cascade(to: promise)
        context.write(wrapOutboundOut(payload), promise: out)
    }

    private func refuse(_ violation: StreamHead.Violation, _ context: ChannelHandlerContext) {
        state.refused()
        let refusal: RequestRefusal
        switch violation {
        case .malformed: return reset(.protocolError, context)
        case .tooLarge:
            refusal = RequestRefusal(
                GatewayError(.headersTooLarge, "The request headers are too large."), in: .openAI)
        case .repeated(let name): refusal = RequestRefusal(.repeatedField(name), in: .openAI)
        case .credentials(let dialect): refusal = RequestRefusal(.credentialsDiffer, in: dialect)
        }
        let body = ByteBuffer(bytes: refusal.body)
        let headers = HPACKHeaders([(":status", String(refusal.status))] + refusal.fields)
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        writeEnd(.data(.init(data: .byteBuffer(body), endStream: true)), context, nil)
        perform(state.closeRequested(), context)
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
