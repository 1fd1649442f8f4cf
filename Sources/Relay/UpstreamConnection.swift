import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NetworkErrors
import SimpleAICore
import Synchronization

/// An HTTP/1.1 connection to a runner, kept alive between exchanges: the shell around `UpstreamConnectionState`. It performs
/// the state's actions and reports events to it. Reads only on demand.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let latestID = Atomic<UInt64>(0)

    /// Identifies the connection in log lines of this process.
    let id = latestID.wrappingAdd(1, ordering: .relaxed).newValue
    let upstream: Upstream
    /// The pool's list of idle connections to the same runner; set by the pool.
    var idleConnections: IdleConnections?
    private let pool: UpstreamPool
    private let out: CoalescingWriter
    private let socket: SocketCloseHandler?
    private var context: ChannelHandlerContext?
    private var state: UpstreamConnectionState
    /// Receives the response; nil between exchanges, and once it has received all that it needs.
    private var receiver: (any UpstreamResponseReceiver)?
    /// The handle of the exchange in progress.
    private var exchangeHandle: ExchangeHandle?
    private var progressTimer: Scheduled<Void>?
    /// Delivers the rest of the request in progress; nil once it has delivered everything, or if the body was complete.
    private var bodySource: (any BodySource)?
    private var isSendingBody = false

    /// - Parameters:
    ///   - out: this connection's writer, before this handler.
    ///   - socket: the handler that closes the connection below TLS; nil without TLS.
    init(upstream: Upstream, pool: UpstreamPool, out: CoalescingWriter, socket: SocketCloseHandler?) {
        self.upstream = upstream
        self.pool = pool
        self.out = out
        self.socket = socket
        state = UpstreamConnectionState(lifetimes: pool.lifetimes, now: pool.eventLoop.now)
    }

    var isExchanging: Bool { state.isExchanging }

    /// Whether the connection may carry a new exchange.
    func isReusable(at now: NIODeadline) -> Bool { state.isReusable(at: now) }

    /// When the connection may no longer be kept idle.
    var expiresAt: NIODeadline { state.expiresAt }

    // MARK: Exchanges

    func begin(
        _ request: UpstreamRequest, for receiver: any UpstreamResponseReceiver, exchangeHandle: ExchangeHandle,
        timeouts: UpstreamTimeouts
    ) {
        guard let context else {
            exchangeHandle.progress = .over
            return receiver.upstreamFailed(.staleConnection)
        }
        let eventLoop = context.eventLoop
        (self.receiver, self.exchangeHandle) = (receiver, exchangeHandle)
        let timerDeadline = state.exchangeBegan(
            timeouts: timeouts, isLast: !request.head.connectionPersists, unreadBytes: request.bodySource?.length ?? 0,
            at: eventLoop.now)
        exchangeHandle.progress = .exchanging(self)
        let written = eventLoop.makePromise(of: Void.self)
        let number = state.exchanges
        if let source = request.bodySource, source.length > 0 {
            written.futureResult.assumeIsolated().whenSuccess { [self] in state.requestHeadWritten(number) }
            out.write(request, promise: written)
            beginBody(source)
            // The source may have failed.
            guard state.isExchanging else { return }
        } else {
            written.futureResult.assumeIsolated().whenSuccess { [self] in
                state.requestWritten(number, at: eventLoop.now)
            }
            out.write(request, promise: written)
        }
        out.flush()
        if let timerDeadline { setProgressTimer(timerDeadline, context) }
        read(context)
    }

    // MARK: Request bodies in pieces

    private func beginBody(_ source: any BodySource) {
        bodySource = source
        source.onReady = { [weak self] in self?.sendBody() }
        sendBody()
    }

    /// Sends pieces of the request body while the socket accepts them.
    private func sendBody() {
        // Writing a piece may report, in the same call, that the socket has accepted it.
        guard let context, let bodySource, !isSendingBody else { return }
        isSendingBody = true
        defer { isSendingBody = false }
        while state.wantsBody {
            switch bodySource.next() {
            case .pending: return
            case .failed(let reason):
                state.bodyFailed(reason)
                return closeTransport()
            case .bytes(let piece):
                guard case .write(let isLast) = state.bodyRead(piece.readableBytes) else { return closeTransport() }
                if isLast { endBody() }
                write(piece, isLast: isLast, context.eventLoop)
            }
        }
    }

    private func write(_ piece: ByteBuffer, isLast: Bool, _ eventLoop: any EventLoop) {
        let (number, count) = (state.exchanges, piece.readableBytes)
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            state.bodyWritten(number, count, at: eventLoop.now)
            if isLast { state.requestWritten(number, at: eventLoop.now) }
            sendBody()
        }
        out.write(piece, promise: written)
        out.flush()
    }

    /// No further piece of the request body is needed.
    private func endBody() {
        bodySource?.cancel()
        bodySource = nil
    }

    /// Ends an exchange whose client has disconnected.
    func abandonExchange() {
        endBody()
        state.exchangeAbandoned()
        (receiver, exchangeHandle) = (nil, nil)
        closeTransport()
    }

    /// Drops the rest of the response, because the target has received all that it needs.
    func discardRemainder() {
        guard let context else { return }
        let now = context.eventLoop.now
        receiver = nil
        endBody()
        // The response was complete, though its body may stay open.
        if state.responseIsSuccess { upstream.noteServed(at: now) }
        perform(state.exchangeReleased(at: now), context)
    }

    private func perform(_ action: UpstreamConnectionState.ReleaseAction, _ context: ChannelHandlerContext) {
        switch action {
        case .none: break
        case .awaitEnd(let deadline):
            setProgressTimer(deadline, context)
            read(context)
        }
    }

    func readMore() {
        guard let context else { return }
        state.readingResumed(at: context.eventLoop.now)
        read(context)
    }

    /// Requests a read, unless one is outstanding: the channel would ignore the second one, but only after it passed all
    /// handlers.
    private func read(_ context: ChannelHandlerContext) {
        if state.readRequested() { context.read() }
    }

    /// When the machine last acknowledged or sent data on this connection; nil if no call is in progress on it.
    func lastAcknowledgement() -> EventLoopFuture<ContinuousClock.Instant?>? {
        guard let context, state.isExchanging else { return nil }
        return TCPLiveness.lastAcknowledgement(on: context.channel)
    }

    // MARK: Closing

    func close() {
        state.closeRequested()
        closeTransport()
    }

    /// Closes the connection to a machine that was declared unreachable, unless a response is being received.
    func machineBecameUnreachable() {
        if state.machineBecameUnreachable() { closeTransport() }
    }

    private func closeTransport() {
        context?.close(promise: nil)
        socket?.close()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = context.eventLoop.now
        upstream.noteByte(at: now)
        switch state.bytesReceived(unwrapInboundIn(data), requestIsPending: out.hasPending) {
        case .close: return closeTransport()
        case .deliver: break
        }
        while let delivery = state.nextDelivery(at: now) { perform(delivery, at: now) }
        perform(state.deliveryEnded(at: now), context)
    }

    private func perform(_ delivery: UpstreamConnectionState.Delivery, at now: NIODeadline) {
        switch delivery {
        case .head(let head): receiver?.responseHeadReceived(head)
        case .body(let bytes): receiver?.responseBodyReceived(bytes, at: now)
        case .end(let end):
            if end.isServed { upstream.noteServed(at: now) }
            let receiver = endExchange()
            if end.isReusable { pool.release(self) } else { closeTransport() }
            receiver?.responseEndReceived()
        case .close: closeTransport()
        }
    }

    /// - Returns: the target of the exchange that has ended.
    private func endExchange() -> (any UpstreamResponseReceiver)? {
        endBody()
        exchangeHandle?.progress = .over
        defer { (receiver, exchangeHandle) = (nil, nil) }
        return receiver
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if state.readCompleted(wantsReads: wantsReads) { read(context) }
    }

    private var wantsReads: Bool { exchangeHandle?.wantsReads ?? true }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.errorCaught(failure(from: error, context))
        closeTransport()
    }

    private func failure(
        from error: any Error, _ context: ChannelHandlerContext
    ) -> UpstreamConnectionState.Failure {
        switch error {
        case NIOSSLError.handshakeFailed, NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate,
            NIOSSLError.cannotMatchULabel, is NIOSSLExtraError:
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            return .untrusted(NetworkErrorText.of(error, certificate: certificate ?? nil))
        default: return TCPLiveness.isTimeout(error) ? .timedOut : .other
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        progressTimer?.cancel()
        progressTimer = nil
        pool.connectionClosed(self, exchanges: state.exchanges, cause: state.cause)
        let result = state.connectionClosed()
        let receiver = endExchange()
        switch result {
        case .none: break
        case .ended: receiver?.responseEndReceived()
        case .failed(let failure): receiver?.upstreamFailed(failure)
        }
        context.fireChannelInactive()
    }

    // MARK: Timeouts

    /// Arms the only timer of the connection. It retains the connection until that is closed, because weak references would
    /// cost time at every retain.
    private func setProgressTimer(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        progressTimer?.cancel()
        progressTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard let context = self.context else { return }
            switch state.timerFired(at: context.eventLoop.now, wantsReads: wantsReads) {
            case .none: break
            case .wait(let deadline): setProgressTimer(deadline, context)
            case .close: closeTransport()
            }
        }
    }
}
