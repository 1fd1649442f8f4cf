import NIOCore
import NIOHTTP1
import NIOSSL

/// One HTTP/1.1 connection to a runner: at most one exchange at a time, reads only on demand, kept alive in between.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private final class Exchange {
        /// Nil once it has all that it wanted.
        var target: (any UpstreamExchange)?
        let ticket: UpstreamTicket
        let timeouts: UpstreamTimeouts
        let isFirstOnConnection: Bool
        /// It was asked for by itself that this be the last exchange.
        let isLast: Bool
        var requestIsWritten = false
        var head: HTTPResponseHead?
        var bodyHasBegun = false
        var lastProgress = NIODeadline.now()
        /// Bytes of the body that came after the target was done.
        var droppedBytes = 0

        init(
            target: any UpstreamExchange, ticket: UpstreamTicket, timeouts: UpstreamTimeouts,
            isFirstOnConnection: Bool, isLast: Bool
        ) {
            self.target = target
            self.ticket = ticket
            self.timeouts = timeouts
            self.isFirstOnConnection = isFirstOnConnection
            self.isLast = isLast
        }
    }

    let upstream: Upstream
    /// Where it waits between exchanges; the pool's business.
    var place: IdleConnections?
    private let pool: UpstreamPool
    private let out: TickedFlush
    private let socket: SocketEnd?
    private var context: ChannelHandlerContext?
    /// The other side has not hung up yet, as far as we know, nor have we.
    private(set) var isUsable = true
    /// Parts are being handed over: whatever is left to do is done after that.
    private var isReading = false
    /// The channel has been asked for more and has not brought anything yet.
    private var readIsOpen = false
    private var exchange: Exchange?
    var isExchanging: Bool { exchange != nil }
    private var exchanges = 0
    private var reader = AnswerReader()
    private var watch: Scheduled<Void>?
    /// When it fires; nil when none is set.
    private var watchedUntil: NIODeadline?
    /// The error that explains why the channel is about to close.
    private var cause: UpstreamFailure?
    /// The connection broke, so the end of an answer that only the connection's end would mark is no end.
    private var isBroken = false

    /// - Parameters:
    ///   - out: this connection's own, before this handler.
    ///   - socket: the pipeline's other end, where TLS lies in between.
    init(upstream: Upstream, pool: UpstreamPool, out: TickedFlush, socket: SocketEnd?) {
        self.upstream = upstream
        self.pool = pool
        self.out = out
        self.socket = socket
    }

    // MARK: Exchanges

    func begin(
        _ request: UpstreamRequest, for target: any UpstreamExchange, ticket: UpstreamTicket,
        timeouts: UpstreamTimeouts
    ) {
        guard let context else {
            ticket.progress = .over
            return target.upstreamFailed(.staleConnection)
        }
        let exchange = Exchange(
            target: target, ticket: ticket, timeouts: timeouts, isFirstOnConnection: exchanges == 0,
            isLast: !request.head.isKeepAlive)
        self.exchange = exchange
        exchanges += 1
        reader.begin()
        ticket.progress = .exchanging(self)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess {
            exchange.requestIsWritten = true
            exchange.lastProgress = .now()
        }
        out.write(request, promise: written)
        out.flush()
        armWatch(context)
        read(context)
    }

    /// The one who asked has gone: closing the connection is how HTTP/1.1 tells an engine to stop.
    func abandonExchange() {
        exchange = nil
        if let context { hangUp(context) }
    }

    /// How long a response may still take to end after its target was done, and how much may still come, in bytes.
    private static let dropTimeout: TimeAmount = .seconds(1)
    private static let maxDropped = 64 << 10

    /// The target has all that it wanted.
    func dropRest() {
        guard let exchange else { return }
        exchange.target = nil
        // It was a whole response, though its body may stay open.
        if let head = exchange.head, 200...299 ~= head.status.code { upstream.noteServed(at: .now()) }
        guard !isReading, let context else { return }
        awaitEnd(context)
    }

    /// Mostly a response ends in the read that brought its last word: only for the others there is a timer.
    private func awaitEnd(_ context: ChannelHandlerContext) {
        setWatch(.now() + Self.dropTimeout, context)
        read(context)
    }

    func readMore() {
        exchange?.lastProgress = .now()
        if let context { read(context) }
    }

    /// One that is open already would only be passed on from handler to handler, to be found open by the channel.
    private func read(_ context: ChannelHandlerContext) {
        guard !readIsOpen else { return }
        readIsOpen = true
        context.read()
    }

    func close() {
        if let context { hangUp(context) }
    }

    /// The machine was declared gone. Idle connections and those that wait for a response end; one that brings a response
    /// ends when TCP finds that nothing is acknowledged any more.
    func machineIsGone() {
        guard let context, exchange?.head == nil else { return }
        fail(.machineGone, context)
    }

    /// When the machine last acknowledged or sent something on this connection, while a call is in progress on it.
    func lastAcknowledgement() -> EventLoopFuture<ContinuousClock.Instant?>? {
        guard let context, exchange != nil else { return nil }
        return TCPLiveness.lastAcknowledgement(on: context.channel)
    }

    private func hangUp(_ context: ChannelHandlerContext) {
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
        readIsOpen = false
        let now = NIODeadline.now()
        upstream.noteByte(at: now)
        guard let exchange else {
            // Bytes that nobody asked for: whatever this is, it is no connection to send a caller's prompt on.
            hangUp(context)
            return
        }
        // What comes on a kept connection before the request has left is no response to it. The engine has given the
        // connection up; the request has not reached it.
        if exchange.head == nil, !exchange.isFirstOnConnection, reader.isEmpty, out.hasPending {
            return fail(.staleConnection, context)
        }
        isReading = true
        defer { finishReading(exchange, context) }
        reader.append(unwrapInboundIn(data))
        do throws(AnswerReader.Violation) {
            // Whoever gets a part may end the exchange.
            while self.exchange != nil, let part = try reader.next() {
                switch part {
                case .head(let head) where head.status == .switchingProtocols:
                    // Nobody offered that, and what follows is no HTTP: not even an end would come.
                    return fail(.malformed("the engine switches protocols"), context)
                case .head(let head) where head.status == .requestTimeout && !exchange.isFirstOnConnection:
                    // RFC 9110 §15.5.9: the engine closes a connection that was idle for too long. The request came too
                    // late to be read.
                    return fail(.staleConnection, context)
                case .head(let head):
                    exchange.head = head
                    exchange.target?.upstreamAnswered(head)
                case .body(let bytes):
                    exchange.lastProgress = now
                    exchange.bodyHasBegun = true
                    if let target = exchange.target {
                        target.upstreamSent(bytes, at: now)
                    } else {
                        exchange.droppedBytes += bytes.readableBytes
                        if exchange.droppedBytes > Self.maxDropped { return hangUp(context) }
                    }
                case .end: return endExchange(context, at: now)
                }
            }
        } catch {
            fail(.malformed("\(error)"), context)
        }
    }

    private func finishReading(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        isReading = false
        if exchange.target == nil, self.exchange === exchange { awaitEnd(context) }
    }

    private func fail(_ failure: UpstreamFailure, _ context: ChannelHandlerContext) {
        cause = cause ?? failure
        hangUp(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Behind TLS a read may bring nothing that comes up to here.
        readIsOpen = false
        if exchange?.target == nil || exchange?.ticket.wantsReads ?? true { read(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed, NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate,
            NIOSSLError.cannotMatchULabel, is NIOSSLExtraError:
            cause = .untrusted(String(describing: error))
        default:
            isBroken = true
            if TCPLiveness.isTimeout(error), let exchange, exchange.head == nil { cause = cause ?? .connectionTimedOut }
        }
        hangUp(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isUsable = false
        watch?.cancel()
        watch = nil
        pool.forget(self)
        guard let exchange else { return }
        self.exchange = nil
        exchange.ticket.progress = .over
        if reader.endsWithConnection, !isBroken, cause == nil {
            exchange.target?.upstreamEnded()
        } else {
            exchange.target?.upstreamFailed(cause ?? failure(of: exchange))
        }
        context.fireChannelInactive()
    }

    private func failure(of exchange: Exchange) -> UpstreamFailure {
        if exchange.head != nil { return .closedDuringAnswer }
        // With half a head it was no longer idle: the engine has begun to answer this very request.
        return exchange.isFirstOnConnection || !reader.isEmpty ? .closedBeforeAnswer : .staleConnection
    }

    private func endExchange(_ context: ChannelHandlerContext, at now: NIODeadline) {
        guard let exchange else { return }
        self.exchange = nil
        exchange.ticket.progress = .over
        if let head = exchange.head, 200...299 ~= head.status.code { upstream.noteServed(at: now) }
        // Whatever the engine says: what asked for a connection of its own would leave another one behind each time.
        let keepAlive = !exchange.isLast && exchange.head?.isKeepAlive ?? false
        // An answer that overtook its request leaves the rest of the request on the wire.
        if keepAlive, exchange.requestIsWritten, reader.isEmpty, isUsable {
            pool.giveBack(self)
        } else {
            hangUp(context)
        }
        exchange.target?.upstreamEnded()
    }

    // MARK: Timeouts

    /// One timer per connection, and no timer is moved: progress only writes a time stamp, and the timer looks at it when
    /// it fires. It fires when the shorter of the two limits can first be over, and outlives exchanges, so that a busy
    /// connection sets one every few minutes. It holds the connection until that is closed: to be held weakly would cost
    /// at every retain.
    private func armWatch(_ context: ChannelHandlerContext) {
        guard let exchange else { return }
        let limit = min(exchange.timeouts.gap, exchange.timeouts.firstByte)
        let deadline = exchange.lastProgress + limit
        if let watchedUntil, watchedUntil <= deadline { return }
        setWatch(deadline, context)
    }

    private func setWatch(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        watch?.cancel()
        watchedUntil = deadline
        watch = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            checkProgress()
        }
    }

    private func checkProgress() {
        watchedUntil = nil
        guard let context, let exchange else { return }
        guard exchange.target != nil else { return hangUp(context) }
        let limit = exchange.bodyHasBegun ? exchange.timeouts.gap : exchange.timeouts.firstByte
        if !exchange.ticket.wantsReads { exchange.lastProgress = .now() }
        guard exchange.ticket.wantsReads, exchange.lastProgress + limit <= .now() else {
            let due = exchange.lastProgress + limit
            // The body may begin at any moment, and its own limit counts from there.
            return setWatch(exchange.bodyHasBegun ? due : min(due, .now() + exchange.timeouts.gap), context)
        }
        cause = exchange.bodyHasBegun ? .gapTimeout : .firstByteTimeout
        hangUp(context)
    }
}
