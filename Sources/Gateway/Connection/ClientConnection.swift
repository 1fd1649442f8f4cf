import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// One client's connection in HTTP/1: hands on its requests one at a time, and knows at any moment whose turn it is.
///
/// It reads the next request when the response to the one before is complete, so everything happens in the order of
/// requests: answers to what is no HTTP, too. It sees the client leave (and tells the data plane at once), closes
/// connections that are idle or too slow to say what they want, and ends calls whose time is over when the gateway shuts
/// down.
///
/// Requests of the data plane go to it directly, and its responses come back the same way: as bytes for the socket. What
/// the control plane answers comes through the pipeline.
final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request that is being read or answered.
    private struct Turn {
        enum Response: Equatable {
            case awaited, begun, complete
        }
        /// Whether the request has been read to its end.
        var isRead = false
        var response = Response.awaited
        /// The response says that it is the last one on this connection.
        var isLast = false
    }

    private enum Phase {
        case open
        /// The last response is complete. Whoever wrote it closes as soon as it has been read.
        case answered
        /// What came was no request, and has been told so, or the connection is gone: nothing that comes now is looked at,
        /// and nothing is written.
        case refused
    }

    /// For an error event to reach the client, after the time for open calls is over.
    private static let lastWords: TimeAmount = .seconds(1)
    /// How long a refused client may go on talking: closing at once would make its kernel throw our answer away
    /// together with what it still sends.
    private static let discardingTime: TimeAmount = .seconds(2)

    private let inference: InferenceHandler
    private let socket: TickedFlush
    private let place: ClientConnectionPlace?
    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private var context: ChannelHandlerContext?
    private var reader: RequestReader

    private var phase = Phase.open
    private var turn: Turn?
    private var isHandingOn = false
    /// The request that is being read goes through the pipeline.
    private var isPassing = false
    /// Whether something has gone through the pipeline since it last heard of the end of a read.
    private var hasPassedOn = false
    /// A read that somebody wants when the next request may come.
    private var readIsPending = false
    /// The client has ended its side behind requests that have not been read.
    private var inputEndIsHeld = false
    private var isQuiescing = false

    /// What has come of the body that is being read.
    private var bodyBytes = 0
    /// Nil between requests.
    private var pace: BodyPace?
    /// How much of what has been written waited when we last looked.
    private var unsentBytes = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?

    /// - Parameters:
    ///   - socket: this connection's own.
    ///   - place: of this connection among all others.
    ///   - maxHead: in bytes.
    init(
        inference: InferenceHandler, socket: TickedFlush, place: ClientConnectionPlace? = nil, maxHead: Int,
        idleTimeout: TimeAmount, drain: TimeAmount
    ) {
        self.place = place
        self.inference = inference
        self.socket = socket
        self.idleTimeout = idleTimeout
        self.drain = drain
        reader = RequestReader(maxHead: maxHead)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        inference.client = self
        armIdleTimer(context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        inference.client = nil
        stopTimers()
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        // Whoever goes on in another protocol has to wait for our answer.
        if reader.hasPending { context.close(promise: nil) }
        place?.becameBusy()
        context.leavePipeline(removalToken: removalToken)
    }

    /// They hold this handler as long as they run; to be held weakly would cost at every retain.
    private func stopTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
        (idleTimer, drainTimer) = (nil, nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // An answer may still be written before the pipeline is taken apart: no next request begins behind it.
        phase = .refused
        stopTimers()
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = phase else { return }
        reader.append(unwrapInboundIn(data))
        handOn(context)
    }

    /// Everything that may be read now: the rest of a request, or the next one when it is its turn.
    private func handOn(_ context: ChannelHandlerContext) {
        // A response that is complete before its request has been handed on to the end comes back to here.
        guard !isHandingOn else { return }
        isHandingOn = true
        defer { isHandingOn = false }
        do throws(RequestReader.Violation) {
            while mayReadOn, let part = try reader.next() { handOn(part, context) }
            if inputEndIsHeld, mayReadOn { return inputEnds(context) }
        } catch {
            refuse(error, context)
        }
    }

    private var mayReadOn: Bool {
        guard case .open = phase else { return false }
        return turn.map { !$0.isRead } ?? !isQuiescing
    }

    private func handOn(_ part: RequestReader.Part, _ context: ChannelHandlerContext) {
        // Whole heads count as activity, not bytes: one that never gets complete is none.
        switch part {
        case .head(let head):
            turn = Turn()
            lastActivity = .now()
            bodyBytes = 0
            pace = BodyPace(
                gracePeriod: idleTimeout.nanoseconds, now: Int64(clamping: lastActivity.uptimeNanoseconds))
            place?.becameBusy()
            // A GET may ask for another protocol; who looks for that stands in the pipeline.
            isPassing = head.method == .GET || !inference.begin(head)
            if isPassing { pass(.head(head), context) }
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if isPassing { pass(.body(bytes), context) } else { inference.receive(bytes) }
        case .end:
            turn?.isRead = true
            pace = nil
            lastActivity = .now()
            if isPassing { pass(.end(nil), context) } else { inference.receiveEnd() }
            endTurn(context)
        }
    }

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        hasPassedOn = true
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// While a request is being answered nobody asks for more, and the loop would take the connection out of what it
    /// watches, to put it back a moment later: two system calls per request. So one read stays open. What it brings is the
    /// client leaving, or the beginning of one more request, which ends the reading ahead.
    func channelReadComplete(context: ChannelHandlerContext) {
        tellReadComplete(context)
        if turn?.isRead ?? false, !reader.hasPending { context.read() }
    }

    /// The control plane hears of the end of a read when it got some of it.
    private func tellReadComplete(_ context: ChannelHandlerContext) {
        guard hasPassedOn else { return }
        hasPassedOn = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if holdsReads { readIsPending = true } else { context.read() }
    }

    /// Behind a request that is being answered the next one is not read on, however much of it has come. Behind the last
    /// one the client's end is waited for.
    private var holdsReads: Bool {
        if case .open = phase { turn?.isRead ?? false } else { false }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            if mayReadOn, !reader.isBetweenRequests { refuse(.incomplete, context) }
            if inference.clientHasGone() { return }
            // It comes after the requests that came before it.
            inputEndIsHeld = turn?.isRead ?? false && reader.hasPending
            if inputEndIsHeld { return }
            context.fireUserInboundEventTriggered(event)
        case is ChannelShouldQuiesceEvent: quiesce(context)
        case is ConnectionEviction:
            if turn == nil, !reader.hasPending { context.close(promise: nil) } else { place?.stays() }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// All requests that came before the client ended its side of the connection have been answered.
    private func inputEnds(_ context: ChannelHandlerContext) {
        inputEndIsHeld = false
        if !reader.isBetweenRequests { refuse(.incomplete, context) }
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    // MARK: Responses

    /// Whether a response may still be written.
    var isOpen: Bool {
        if case .refused = phase { false } else { true }
    }

    /// From the control plane.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Whoever was at work on the request whose rest turned out to be nonsense comes too late.
        guard isOpen else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if isQuiescing, head.isKeepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            if head.status.code >= 200 { responseBegins(isLast: !head.isKeepAlive) }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            responseIsComplete()
        }
    }

    func responseBegins(isLast: Bool) {
        turn?.response = .begun
        turn?.isLast = isLast
    }

    /// All of it has been written.
    /// - Parameter isLast: whether the connection ends with it, whatever its head has said.
    func responseIsComplete(isLast: Bool = false) {
        turn?.response = .complete
        if isLast { turn?.isLast = true }
        lastActivity = .now()
        guard let context else { return }
        // Then its client is not idle before it has read that.
        if !context.channel.isWritable { unsentBytes = .max }
        endTurn(context)
        guard turn == nil, !isHandingOn else { return }
        handOn(context)
        tellReadComplete(context)
        guard readIsPending, !holdsReads else { return }
        readIsPending = false
        context.read()
    }

    /// The turn is over when the request has been read and its response written.
    private func endTurn(_ context: ChannelHandlerContext) {
        guard let turn, turn.isRead, turn.response == .complete else { return }
        self.turn = nil
        place?.becameIdle(at: lastActivity)
        if turn.isLast { phase = .answered }
        if isQuiescing { closeWhenSent(context) }
    }

    // MARK: What is no request

    private func refuse(_ violation: RequestReader.Violation, _ context: ChannelHandlerContext) {
        switch turn?.response {
        // The last response is out.
        case .complete where turn?.isLast ?? false: phase = .answered
        // A second answer to one request would be taken for the answer to another.
        case .complete: leave(context)
        // Too late for an answer.
        case .begun:
            phase = .refused
            context.close(promise: nil)
        case .awaited, nil:
            answer(violation.gatewayError)
            leave(context)
        }
    }

    private func answer(_ error: GatewayError) {
        let body = error.body.json
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: error.status()),
            headers: [
                "Content-Type": "application/json", "Content-Length": String(body.utf8.count),
                "X-Request-Id": RequestID.id(stated: nil).rawValue, "Connection": "close",
            ])
        var bytes = ByteBuffer()
        ResponseWriter.write(head, into: &bytes)
        bytes.writeString(body)
        socket.write(bytes, promise: nil)
        socket.flush()
    }

    private func leave(_ context: ChannelHandlerContext) {
        phase = .refused
        context.close(mode: .output, promise: nil)
        drainTimer?.cancel()
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardingTime) { [self] in
            self.context?.close(promise: nil)
        }
    }

    /// The connection broke; what depends on it learns that from `channelInactive`.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Shutting down

    private func quiesce(_ context: ChannelHandlerContext) {
        isQuiescing = true
        if case .refused = phase { return }
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: drain) { [self] in drainExpired() }
        if turn == nil { closeWhenSent(context) }
    }

    /// Closing earlier would cut off what a slow client has not read yet. Closing later than at once, where there is nothing
    /// like that, would let a connection become active that nobody serves any more.
    private func closeWhenSent(_ context: ChannelHandlerContext) {
        guard socket.hasPending || unsent(context) > 0 else { return context.close(promise: nil) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in self.context?.close(promise: nil) }
        // Of no bytes: it goes out behind everything else.
        socket.write(ByteBuffer(), promise: sent)
        socket.flush()
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
        let deadline = pace.map { .uptimeNanoseconds(UInt64(clamping: $0.deadline)) } ?? lastActivity + idleTimeout
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard let context else { return }
            if bodyIsTooSlow() {
                stopReadingBody(context)
                return armIdleTimer(context.eventLoop)
            }
            if isWaitingForUs(context) { lastActivity = .now() }
            if lastActivity + idleTimeout <= .now() {
                context.close(promise: nil)
            } else {
                armIdleTimer(context.eventLoop)
            }
        }
    }

    /// Whether the request that is being read arrives too slowly to be waited for.
    private func bodyIsTooSlow() -> Bool {
        guard pace != nil else { return false }
        let now = NIODeadline.now()
        let time = Int64(clamping: now.uptimeNanoseconds)
        lastActivity = now
        if inference.holdsReads {
            pace?.readingWasHeld(received: bodyBytes, now: time)
            return false
        }
        guard let deadline = pace?.deadline, deadline <= time else { return false }
        return pace?.isTooSlow(received: bodyBytes, now: time) ?? false
    }

    private func stopReadingBody(_ context: ChannelHandlerContext) {
        pace = nil
        if inference.bodyIsTooSlow() { return }
        guard turn?.response == .awaited else { return context.close(promise: nil) }
        answer(.bodyIsTooSlow)
        leave(context)
    }

    /// Whether it is not the client's turn: to send a request to its end, or to read what has been written for it.
    private func isWaitingForUs(_ context: ChannelHandlerContext) -> Bool {
        if let turn, !turn.isRead { return inference.holdsReads }
        // A response that is being made takes its time, unless it is its reader who holds it up.
        if turn != nil, context.channel.isWritable { return true }
        let before = unsentBytes
        unsentBytes = unsent(context)
        return unsentBytes != before
    }

    /// What has been handed on to the channel and not been taken by the kernel, in bytes.
    private func unsent(_ context: ChannelHandlerContext) -> Int {
        do {
            return try context.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? 0
        } catch {
            return 0  // the channel is closed already
        }
    }
}
