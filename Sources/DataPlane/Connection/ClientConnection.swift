import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// Handles one client's HTTP/1 connection: the shell around `ClientConnectionState`. It performs the state's actions and
/// reports events to it.
///
/// Data-plane requests are passed directly to the inference handler, and their responses are written directly to the
/// socket. Requests and responses of the control plane pass through the pipeline.
final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Time for which further input of a refused client is discarded: closing immediately would reset the connection,
    /// and the client's kernel would drop the response.
    private static let discardTimeout: TimeAmount = .seconds(2)

    private let inference: InferenceHandler
    private let output: HTTP1ResponseOutput
    private let socket: CoalescingWriter
    /// Closes the connection below TLS; nil without TLS.
    let socketBelowTLS: SocketCloseHandler?
    private let entry: ClientConnectionEntry?
    private(set) var context: ChannelHandlerContext?
    private var state: ClientConnectionState
    private var idleTimer: Scheduled<Void>?
    /// Ends the drain time, or the time for which a refused client's input is discarded.
    private var endTimer: Scheduled<Void>?
    /// Whether the body that is being sent ends with the connection, and is not sent completely.
    var bodyLacksFraming = false

    /// - Parameters:
    ///   - output: writes the data plane's responses to `socket`.
    ///   - socket: this connection's writer.
    ///   - socketBelowTLS: the handler that closes the connection below TLS; nil without TLS.
    ///   - entry: this connection's entry among all client connections.
    ///   - maxHead: in bytes.
    init(
        inference: InferenceHandler, output: HTTP1ResponseOutput, socket: CoalescingWriter,
        socketBelowTLS: SocketCloseHandler? = nil, entry: ClientConnectionEntry? = nil, maxHead: Int,
        idleTimeout: TimeAmount, drain: TimeAmount,
        now: NIODeadline
    ) {
        self.entry = entry
        self.socketBelowTLS = socketBelowTLS
        self.inference = inference
        self.output = output
        self.socket = socket
        state = ClientConnectionState(maxHead: maxHead, idleTimeout: idleTimeout, drain: drain, now: now)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.connection = self
        armIdleTimer(at: state.idleDeadline, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        output.connection = nil
        stopTimers()
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        // A client must not send bytes of another protocol before the gateway's response to the upgrade.
        if state.hasBytesAfterUpgrade { close() }
        entry?.becameBusy()
        context.leavePipeline(removalToken: removalToken)
    }

    /// Timers retain this handler until they are cancelled, because weak references would make every retain slower.
    private func stopTimers() {
        idleTimer?.cancel()
        endTimer?.cancel()
        (idleTimer, endTimer) = (nil, nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.connectionClosed()
        stopTimers()
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.bytesReceived(unwrapInboundIn(data))
        deliver(context)
    }

    /// Delivers all parts that may be delivered now: the rest of a request, or the next one if the previous exchange is
    /// complete.
    private func deliver(_ context: ChannelHandlerContext) {
        guard state.deliveryBegan() else { return }
        let now = context.eventLoop.now
        while let delivery = state.nextDelivery(at: now) { perform(delivery, context) }
    }

    private func perform(_ delivery: ClientConnectionState.Delivery, _ context: ChannelHandlerContext) {
        switch delivery {
        case .offer(let head):
            entry?.becameBusy()
            guard !inference.begin(head) else { return }
            state.requestDeclined()
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .head(let head):
            entry?.becameBusy()
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body(let bytes, .dataPlane): inference.receive(bytes)
        case .body(let bytes, .controlPlane): context.fireChannelRead(wrapInboundOut(.body(bytes)))
        case .end(.dataPlane): inference.receiveEnd()
        case .end(.controlPlane): context.fireChannelRead(wrapInboundOut(.end(nil)))
        case .exchangeEnded(let end): perform(end, context)
        case .inputEnded(let refusal):
            perform(refusal, context)
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .refuse(let refusal): perform(refusal, context)
        }
    }

    /// Keeps one read outstanding while a request is being answered. Otherwise no handler would request a read, and the
    /// event loop would deregister the connection from polling and register it again: two system calls per request.
    func channelReadComplete(context: ChannelHandlerContext) {
        fireReadComplete(context)
        if state.readsAhead { context.read() }
    }

    /// Signals the end of a read to the control plane if it was passed a part.
    private func fireReadComplete(_ context: ChannelHandlerContext) {
        if state.readCompleted() { context.fireChannelReadComplete() }
    }

    func read(context: ChannelHandlerContext) {
        if state.readRequested() { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            perform(state.inputClosed(), context)
            if !inference.clientDisconnected(), state.inputEndReported() {
                context.fireUserInboundEventTriggered(event)
            }
        case is ChannelShouldQuiesceEvent: perform(state.drainBegan(at: context.eventLoop.now), context)
        case is ConnectionEviction:
            switch state.evicted() {
            case .close: close()
            case .keepOpen: entry?.keepOpen()
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Responses

    /// Whether a response may still be written.
    var isOpen: Bool { state.isOpen }

    /// Writes a part of a response from the control plane.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state.isOpen else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head): write(head, context, promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            responseCompleted(isLast: false)
        }
    }

    private func write(_ head: HTTPResponseHead, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        var head = head
        switch state.headWritten(status: Int(head.status.code), keepAlive: head.connectionPersists) {
        case .write: break
        case .writeAsLast: head.headers.replaceOrAdd(name: "Connection", value: "close")
        case .drop:
            promise?.fail(ChannelError.outputClosed)
            return
        }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    func responseBegan(isLast: Bool) {
        state.responseBegan(isLast: isLast)
    }

    /// The response has been written completely.
    /// - Parameter isLast: whether the connection closes after it, whatever its head states.
    func responseCompleted(isLast: Bool) {
        guard let context else { return }
        let action = state.responseCompleted(
            isLast: isLast, isWritable: context.channel.isWritable, at: context.eventLoop.now)
        guard case .exchangeEnded(let end, let deliversNext) = action else { return }
        perform(end, context)
        guard deliversNext else { return }
        deliver(context)
        fireReadComplete(context)
        if state.readReleased() { context.read() }
    }

    private func perform(_ end: ClientConnectionState.ExchangeEnd, _ context: ChannelHandlerContext) {
        entry?.becameIdle(at: state.idleSince)
        switch end {
        case .keepOpen: break
        case .closeWhenSent: closeWhenSent(context)
        }
    }

    // MARK: Closing

    private func perform(_ refusal: ClientConnectionState.Refusal, _ context: ChannelHandlerContext) {
        switch refusal {
        case .none: break
        case .respond(let error, let dialect):
            socket.write(RequestRefusal(error, in: dialect).http1, promise: nil)
            socket.flush()
            closeOutput(context)
        case .closeOutput: closeOutput(context)
        case .close: close()
        }
    }

    private func closeOutput(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        endTimer?.cancel()
        endTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardTimeout) { [self] in
            close()
        }
    }

    /// Closes the connection when all bytes are sent. Closing earlier would drop bytes that a slow client has not read
    /// yet; with nothing to send, it closes immediately, so that no request can arrive in between.
    private func closeWhenSent(_ context: ChannelHandlerContext) {
        guard socket.hasPending || unsentBytes(context) > 0 else { return close() }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in close() }
        // An empty write: its promise succeeds after all earlier bytes.
        socket.write(ByteBuffer(), promise: sent)
        socket.flush()
    }

    /// The connection failed; dependent handlers are notified by `channelInactive`.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }

    // MARK: Deadlines

    private func perform(_ action: ClientConnectionState.DrainAction, _ context: ChannelHandlerContext) {
        switch action {
        case .none: break
        case .wait(let deadline): armDrainTimer(at: deadline, context)
        case .closeWhenSent(let deadline):
            armDrainTimer(at: deadline, context)
            closeWhenSent(context)
        }
    }

    private func armDrainTimer(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        endTimer?.cancel()
        endTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard let context = self.context else { return }
            switch state.drainExpired(at: context.eventLoop.now, isCalling: inference.isCalling) {
            case .close: close()
            case .endCall(let deadline):
                armDrainTimer(at: deadline, context)
                inference.drainExpired()
            }
        }
    }

    private func armIdleTimer(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard let context = self.context else { return }
            checkIdleness(context)
        }
    }

    private func checkIdleness(_ context: ChannelHandlerContext) {
        let action = state.idleTimerFired(
            at: context.eventLoop.now, holdsReads: inference.holdsReads, isWritable: context.channel.isWritable,
            unsentBytes: unsentBytes(context))
        switch action {
        case .wait(let deadline): armIdleTimer(at: deadline, context)
        case .close: close()
        case .refuseBody:
            armIdleTimer(at: state.idleDeadline, context)
            if inference.isCalling { inference.bodyIsTooSlow() } else { perform(state.slowBodyRefused(), context) }
        }
    }

    /// Number of bytes written to the channel that the kernel has not accepted yet.
    private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
        do {
            return try context.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? 0
        } catch {
            return 0  // the channel is closed already
        }
    }
}
