import NIOCore
import NIOHTTP1
import SimpleAICore

/// Supervises one HTTP/2 stream as `ClientConnection` does a connection: ends it when its client is too slow to send
/// the request or to read the response, and ends its call when the drain time at shutdown is over. The shell around
/// `StreamState`.
///
/// If the client resets the stream or disconnects, the end of the stream notifies the data plane.
final class StreamGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let inference: InferenceHandler
    private let drainDeadline: NIODeadline?
    private var context: ChannelHandlerContext?
    private var state: StreamState
    private var writes = StreamWrites()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?

    /// - Parameter drainDeadline: when the stream's call has to end, if the gateway is already shutting down.
    init(
        inference: InferenceHandler, idleTimeout: TimeAmount, drain: TimeAmount, drainDeadline: NIODeadline?,
        now: NIODeadline
    ) {
        self.inference = inference
        self.drainDeadline = drainDeadline
        state = StreamState(idleTimeout: idleTimeout, drain: drain, now: now)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armIdleTimer(at: state.idleDeadline, context)
        if let drainDeadline { beginDrain(until: drainDeadline, context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        cancelTimers()
        writes.streamEnded()?.fail(ChannelError.alreadyClosed)
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: state.headReceived(at: context.eventLoop.now)
        case .body(let bytes): state.bodyReceived(bytes.readableBytes)
        case .end: state.endReceived(at: context.eventLoop.now)
        }
        context.fireChannelRead(data)
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body(.byteBuffer(let bytes)) where bytes.readableBytes == 0:
            if writes.emptyPieceWritten(promise) { promise?.succeed() }
        case .body(.byteBuffer(let bytes)):
            forwardHeld(context)
            writes.hold(bytes, promise)
        case .head:
            forwardHeld(context)
            context.write(data, promise: promise)
        case .body, .end:
            forwardHeld(context)
            context.write(data, promise: observed(promise, context))
        }
    }

    func flush(context: ChannelHandlerContext) {
        forwardHeld(context)
        context.flush()
    }

    private func forwardHeld(_ context: ChannelHandlerContext) {
        while let write = writes.next() {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(write.bytes))),
                promise: write.isObserved ? observed(write.promise, context) : write.promise)
        }
    }

    private func observed(
        _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) -> EventLoopPromise<Void> {
        let eventLoop = context.eventLoop
        let sent = promise ?? eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { [weak self] in self?.state.responseSent(at: eventLoop.now) }
        return sent
    }

    // MARK: Deadlines

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Hummingbird would close immediately; the connection already prevents new streams.
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        beginDrain(until: nil, context)
    }

    private func beginDrain(until deadline: NIODeadline?, _ context: ChannelHandlerContext) {
        guard let deadline = state.drainBegan(at: context.eventLoop.now, until: deadline) else { return }
        armDrainTimer(at: deadline, context)
    }

    private func armDrainTimer(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            switch self.state.drainExpired(at: context.eventLoop.now, isCalling: self.inference.isCalling) {
            case .close: self.abort(context)
            case .endCall(let deadline):
                self.armDrainTimer(at: deadline, context)
                self.inference.drainExpired()
            }
        }
    }

    private func armIdleTimer(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            self.checkIdleness(context)
        }
    }

    private func checkIdleness(_ context: ChannelHandlerContext) {
        let action = state.idleTimerFired(
            at: context.eventLoop.now, holdsReads: inference.holdsReads, isWritable: context.channel.isWritable)
        switch action {
        case .wait(let deadline): armIdleTimer(at: deadline, context)
        case .abort: abort(context)
        case .refuseBody where inference.isCalling:
            armIdleTimer(at: state.idleDeadline, context)
            inference.bodyIsTooSlow()
        case .refuseBody: abort(context)
        }
    }

    private func abort(_ context: ChannelHandlerContext) {
        context.triggerUserOutboundEvent(StreamRules.CloseStream(), promise: nil)
    }

    private func cancelTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
    }
}
