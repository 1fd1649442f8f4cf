import NIOCore
import NIOHTTP1

/// Watches over one client connection from the place where everything passes: before the pipeline handler, which holds
/// back what comes while a response is under way.
///
/// It sees the client leave (and tells the data plane at once), closes connections that are idle or too slow to say
/// what they want, and ends calls whose time is over when the gateway shuts down.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// For an error event to reach the client, after the time for open calls is over.
    private static let lastWords: TimeAmount = .seconds(1)
    /// How much of a body has to come within the idle time: a byte now and then is no activity.
    private static let leastBody = 1024

    private let inference: InferenceHandler
    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private var context: ChannelHandlerContext?
    /// Requests whose response has not been written to its end.
    private var requestsUnderWay = 0
    private var isInsideRequest = false
    /// What has come of a body since it last counted as activity.
    private var bodyBytes = 0
    /// Responses that have been written, but not all of whose bytes the kernel has taken.
    private var responsesUnsent = 0
    /// How much of them waited when we last looked.
    private var unsentBytes = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?
    /// The order to shut down, until the last response is out: the pipeline handler would close at once.
    private var heldQuiesce: ChannelShouldQuiesceEvent?

    init(inference: InferenceHandler, idleTimeout: TimeAmount, drain: TimeAmount) {
        self.inference = inference
        self.idleTimeout = idleTimeout
        self.drain = drain
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armIdleTimer(context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        stopTimers()
    }

    /// They hold this handler as long as they run; to be held weakly would cost at every retain.
    private func stopTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
        (idleTimer, drainTimer) = (nil, nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopTimers()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Whole heads count, not bytes: one that never gets complete is no activity.
        switch unwrapInboundIn(data) {
        case .head:
            requestsUnderWay += 1
            isInsideRequest = true
            bodyBytes = 0
            lastActivity = .now()
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            guard bodyBytes >= Self.leastBody else { break }
            bodyBytes = 0
            lastActivity = .now()
        case .end:
            isInsideRequest = false
            lastActivity = .now()
        }
        context.fireChannelRead(data)
    }

    /// While a request is being answered the pipeline handler asks for nothing, and the loop would take the connection out
    /// of what it watches, to put it back a moment later: two system calls per request. So one read stays open. What it
    /// brings is the client leaving, or the beginning of one more request, which ends the reading ahead.
    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if requestsUnderWay == 1, !isInsideRequest { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        requestsUnderWay -= 1
        responsesUnsent += 1
        lastActivity = .now()
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in responseWasSent() }
        context.write(data, promise: sent)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            if inference.clientHasGone() { return }
        case let quiesce as ChannelShouldQuiesceEvent:
            drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: drain) { [self] in
                drainExpired()
            }
            if requestsUnderWay == 0, responsesUnsent > 0 {
                heldQuiesce = quiesce
                return
            }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func responseWasSent() {
        responsesUnsent -= 1
        lastActivity = .now()
        guard responsesUnsent == 0, let quiesce = heldQuiesce else { return }
        heldQuiesce = nil
        context?.fireUserInboundEventTriggered(quiesce)
    }

    private func drainExpired() {
        guard inference.drainExpired() else {
            context?.close(promise: nil)
            return
        }
        drainTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: Self.lastWords) { [self] in
            self.context?.close(promise: nil)
        }
    }

    // MARK: Idleness

    private func armIdleTimer(_ eventLoop: any EventLoop) {
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: lastActivity + idleTimeout) { [self] in
            guard let context else { return }
            if isWaitingForUs(context) { lastActivity = .now() }
            if lastActivity + idleTimeout <= .now() {
                context.close(promise: nil)
            } else {
                armIdleTimer(context.eventLoop)
            }
        }
    }

    /// Whether it is not the client's turn: to send a request to its end, or to read what has been written for it.
    private func isWaitingForUs(_ context: ChannelHandlerContext) -> Bool {
        // Behind an unanswered request the next one is not read on, however much of it has come.
        if isInsideRequest, requestsUnderWay == 1 { return inference.holdsReads }
        // A response that is being made takes its time, unless it is its reader who holds it up.
        if requestsUnderWay > 0, context.channel.isWritable { return true }
        guard requestsUnderWay > 0 || responsesUnsent > 0 else { return false }
        let before = unsentBytes
        do {
            unsentBytes = try context.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? before
        } catch {
            return false  // the channel is closed already
        }
        return unsentBytes != before
    }
}
