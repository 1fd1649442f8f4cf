import NIOCore
import NIOHTTP1
import NIOSSL
import NetworkErrors

/// An HTTP/1.1 connection to a runner, kept alive between exchanges. Has at most one exchange at a time, and reads only on
/// demand.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private final class Exchange {
        /// Nil once the target has received all that it needs.
        var receiver: (any UpstreamResponseReceiver)?
        let exchangeHandle: ExchangeHandle
        let timeouts: UpstreamTimeouts
        let isFirstOnConnection: Bool
        /// Whether the request asks to close the connection after it.
        let isLast: Bool
        var requestIsWritten = false
        /// Of the response's head, which is not kept: streams last for minutes. Nil before it is received.
        var response: (isSuccess: Bool, isKeepAlive: Bool)?
        var bodyHasBegun = false
        var lastProgress = NIODeadline.now()
        /// Number of body bytes received after the target was done.
        var droppedBytes = 0

        init(
            receiver: any UpstreamResponseReceiver, exchangeHandle: ExchangeHandle, timeouts: UpstreamTimeouts,
            isFirstOnConnection: Bool, isLast: Bool
        ) {
            self.receiver = receiver
            self.exchangeHandle = exchangeHandle
            self.timeouts = timeouts
            self.isFirstOnConnection = isFirstOnConnection
            self.isLast = isLast
        }
    }

    let upstream: Upstream
    /// The pool's list of idle connections to the same runner; set by the pool.
    var idleConnections: IdleConnections?
    private let pool: UpstreamPool
    private let out: CoalescingWriter
    private let socket: SocketCloseHandler?
    private var context: ChannelHandlerContext?
    /// Whether the connection is open on both sides, as far as is known.
    private(set) var isUsable = true
    /// Whether parts are being delivered to the target; other work waits until that is done.
    private var isReading = false
    /// Whether a requested read has not delivered bytes yet.
    private var isReadOutstanding = false
    private var exchange: Exchange?
    var isExchanging: Bool { exchange != nil }
    private var exchanges = 0
    private var parser = ResponseParser()
    private var progressTimer: Scheduled<Void>?
    /// When `progressTimer` fires; nil if it is not set.
    private var timerFiresAt: NIODeadline?
    /// The error that causes the channel to close.
    private var cause: UpstreamFailure?
    /// Whether an error ended the connection: a response that is delimited by the end of its connection is then incomplete.
    private var isBroken = false

    /// - Parameters:
    ///   - out: this connection's writer, before this handler.
    ///   - socket: the handler that closes the connection below TLS; nil without TLS.
    init(upstream: Upstream, pool: UpstreamPool, out: CoalescingWriter, socket: SocketCloseHandler?) {
        self.upstream = upstream
        self.pool = pool
        self.out = out
        self.socket = socket
    }

    // MARK: Exchanges

    func begin(
        _ request: UpstreamRequest, for receiver: any UpstreamResponseReceiver, exchangeHandle: ExchangeHandle,
        timeouts: UpstreamTimeouts
    ) {
        guard let context else {
            exchangeHandle.progress = .over
            return receiver.upstreamFailed(.staleConnection)
        }
        let exchange = Exchange(
            receiver: receiver, exchangeHandle: exchangeHandle, timeouts: timeouts, isFirstOnConnection: exchanges == 0,
            isLast: !request.head.isKeepAlive)
        self.exchange = exchange
        exchanges += 1
        parser.begin()
        exchangeHandle.progress = .exchanging(self)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess {
            exchange.requestIsWritten = true
            exchange.lastProgress = .now()
        }
        out.write(request, promise: written)
        out.flush()
        armProgressTimer(context)
        read(context)
    }

    /// Ends an exchange whose caller has disconnected. In HTTP/1.1, closing the connection is the only way to make an engine
    /// stop.
    func abandonExchange() {
        exchange = nil
        if let context { closeTransport(context) }
    }

    /// Limits for the rest of a response after its target is done: time, and length in bytes.
    private static let dropTimeout: TimeAmount = .seconds(1)
    private static let maxDropped = 64 << 10

    /// Drops the rest of the response, because the target has received all that it needs.
    func discardRemainder() {
        guard let exchange else { return }
        exchange.receiver = nil
        // The response was complete, though its body may stay open.
        if exchange.response?.isSuccess ?? false { upstream.noteServed(at: .now()) }
        guard !isReading, let context else { return }
        awaitEnd(context)
    }

    /// Reads until the response ends. Most responses end in the read that contained the final event; only the others need a
    /// timer.
    private func awaitEnd(_ context: ChannelHandlerContext) {
        setProgressTimer(.now() + Self.dropTimeout, context)
        read(context)
    }

    func readMore() {
        exchange?.lastProgress = .now()
        if let context { read(context) }
    }

    /// Requests a read, unless one is outstanding: the channel would ignore the second one, but only after it passed all
    /// handlers.
    private func read(_ context: ChannelHandlerContext) {
        guard !isReadOutstanding else { return }
        isReadOutstanding = true
        context.read()
    }

    func close() {
        if let context { closeTransport(context) }
    }

    /// Closes the connection to a machine that was declared unreachable, unless a response is being received: such a
    /// connection ends when TCP gets no more acknowledgements.
    func machineBecameUnreachable() {
        guard let context, exchange?.response == nil else { return }
        fail(.runnerDeclaredUnreachable, context)
    }

    /// When the machine last acknowledged or sent data on this connection; nil if no call is in progress on it.
    func lastAcknowledgement() -> EventLoopFuture<ContinuousClock.Instant?>? {
        guard let context, exchange != nil else { return nil }
        return TCPLiveness.lastAcknowledgement(on: context.channel)
    }

    private func closeTransport(_ context: ChannelHandlerContext) {
        isUsable = false
        context.close(promise: nil)
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
        isReadOutstanding = false
        let now = NIODeadline.now()
        upstream.noteByte(at: now)
        guard let exchange else {
            // Unrequested bytes: a connection in an unknown state must not carry a caller's prompt.
            closeTransport(context)
            return
        }
        // Bytes on a reused connection before the request was sent are not its response. The engine is closing the
        // connection; the request has not reached it.
        if exchange.response == nil, !exchange.isFirstOnConnection, parser.isEmpty, out.hasPending {
            return fail(.staleConnection, context)
        }
        isReading = true
        defer { finishReading(exchange, context) }
        parser.append(unwrapInboundIn(data))
        do throws(ResponseParser.Violation) {
            // The target may end the exchange while it receives a part.
            while self.exchange != nil, let part = try parser.next() {
                switch part {
                case .head(let head) where head.status == .switchingProtocols:
                    // The gateway offered no upgrade, and the bytes that follow are not HTTP: the response would never
                    // end.
                    return fail(.malformed("the engine switches protocols"), context)
                case .head(let head) where head.status == .requestTimeout && !exchange.isFirstOnConnection:
                    // RFC 9110 §15.5.9: the engine closes a connection that was idle for too long. The request arrived
                    // too late to be read.
                    return fail(.staleConnection, context)
                case .head(let head):
                    exchange.response = (200...299 ~= head.status.code, head.isKeepAlive)
                    exchange.receiver?.responseHeadReceived(head)
                case .body(let bytes):
                    exchange.lastProgress = now
                    exchange.bodyHasBegun = true
                    if let receiver = exchange.receiver {
                        receiver.responseBodyReceived(bytes, at: now)
                    } else {
                        exchange.droppedBytes += bytes.readableBytes
                        if exchange.droppedBytes > Self.maxDropped { return closeTransport(context) }
                    }
                case .end: return endExchange(context, at: now)
                }
            }
        } catch {
            fail(.malformed(error.description), context)
        }
    }

    private func finishReading(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        isReading = false
        if exchange.receiver == nil, self.exchange === exchange { awaitEnd(context) }
    }

    private func fail(_ failure: UpstreamFailure, _ context: ChannelHandlerContext) {
        cause = cause ?? failure
        closeTransport(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // With TLS a read may contain no application bytes.
        isReadOutstanding = false
        if exchange?.receiver == nil || exchange?.exchangeHandle.wantsReads ?? true { read(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed, NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate,
            NIOSSLError.cannotMatchULabel, is NIOSSLExtraError:
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            cause = .untrusted(NetworkErrorText.of(error, certificate: certificate ?? nil))
        default:
            isBroken = true
            if TCPLiveness.isTimeout(error), let exchange, exchange.response == nil {
                cause = cause ?? .connectionTimedOut
            }
        }
        closeTransport(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isUsable = false
        progressTimer?.cancel()
        progressTimer = nil
        pool.remove(self)
        guard let exchange else { return }
        self.exchange = nil
        exchange.exchangeHandle.progress = .over
        if parser.endsWithConnection, !isBroken, cause == nil {
            exchange.receiver?.responseEndReceived()
        } else {
            exchange.receiver?.upstreamFailed(cause ?? failure(of: exchange))
        }
        context.fireChannelInactive()
    }

    private func failure(of exchange: Exchange) -> UpstreamFailure {
        if exchange.response != nil { return .closedDuringResponse }
        // After part of a head the connection was not stale: the engine had begun to respond to this request.
        return exchange.isFirstOnConnection || !parser.isEmpty ? .closedBeforeResponse : .staleConnection
    }

    private func endExchange(_ context: ChannelHandlerContext, at now: NIODeadline) {
        guard let exchange else { return }
        self.exchange = nil
        exchange.exchangeHandle.progress = .over
        if exchange.response?.isSuccess ?? false { upstream.noteServed(at: now) }
        // The request decides, too: if the engine ignored its `Connection: close`, each such request would leave a connection
        // behind.
        let keepAlive = !exchange.isLast && exchange.response?.isKeepAlive ?? false
        // If the response ended before the request was written, the rest of the request would precede the next one.
        if keepAlive, exchange.requestIsWritten, parser.isEmpty, isUsable {
            pool.release(self)
        } else {
            closeTransport(context)
        }
        exchange.receiver?.responseEndReceived()
    }

    // MARK: Timeouts

    /// Arms the only timer of the connection, which is never moved: progress only writes a time stamp, and the timer checks
    /// it when it fires. It fires when the shorter of the two timeouts could first expire, and stays armed between exchanges,
    /// so that a busy connection arms it every few minutes. It retains the connection until that is closed, because weak
    /// references would cost time at every retain.
    private func armProgressTimer(_ context: ChannelHandlerContext) {
        guard let exchange else { return }
        let limit = min(exchange.timeouts.gap, exchange.timeouts.firstByte)
        let deadline = exchange.lastProgress + limit
        if let timerFiresAt, timerFiresAt <= deadline { return }
        setProgressTimer(deadline, context)
    }

    private func setProgressTimer(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        progressTimer?.cancel()
        timerFiresAt = deadline
        progressTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            checkProgress()
        }
    }

    private func checkProgress() {
        timerFiresAt = nil
        guard let context, let exchange else { return }
        guard exchange.receiver != nil else { return closeTransport(context) }
        let limit = exchange.bodyHasBegun ? exchange.timeouts.gap : exchange.timeouts.firstByte
        if !exchange.exchangeHandle.wantsReads { exchange.lastProgress = .now() }
        guard exchange.exchangeHandle.wantsReads, exchange.lastProgress + limit <= .now() else {
            let due = exchange.lastProgress + limit
            // The body may begin at any moment, and the gap timeout counts from then.
            return setProgressTimer(exchange.bodyHasBegun ? due : min(due, .now() + exchange.timeouts.gap), context)
        }
        cause = exchange.bodyHasBegun ? .gapTimeout : .firstByteTimeout
        closeTransport(context)
    }
}
