import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// Handles one client's HTTP/1 connection: parses its requests, and passes them on one at a time.
///
/// It parses the next request after the previous response is complete, so responses are in the order of requests,
/// including those to malformed requests. It notifies the data plane immediately when the client closes the connection,
/// closes connections that are idle or send a request too slowly, and ends calls when the drain time is over.
///
/// Data-plane requests are passed directly to the inference handler, and their responses are written directly to the
/// socket. Responses of the control plane pass through the pipeline.
final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request and its response, until both are complete.
    private struct Exchange {
        enum Response: Equatable {
            case awaited, begun, complete
        }
        /// Whether the request has been read completely.
        var isRead = false
        var response = Response.awaited
        /// Whether the connection closes after this response.
        var isLast = false
    }

    private enum Phase {
        case open
        /// The last response is complete. Its writer closes the connection once all bytes are sent.
        case answered
        /// A malformed request was refused, or the connection is closed: further input is ignored, and nothing is
        /// written.
        case refused
    }

    /// Time for an error event to reach the client after the drain time.
    private static let drainGracePeriod: TimeAmount = .seconds(1)
    /// Time for which further input of a refused client is discarded: closing immediately would reset the connection,
    /// and the client's kernel would drop the response.
    private static let discardTimeout: TimeAmount = .seconds(2)

    private let inference: InferenceHandler
    private let socket: CoalescingWriter
    private let entry: ClientConnectionEntry?
    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private var context: ChannelHandlerContext?
    private var parser: RequestParser

    private var phase = Phase.open
    private var exchange: Exchange?
    private var isForwarding = false
    /// Whether the current request is passed through the pipeline.
    private var isPassing = false
    /// Whether a part was passed through the pipeline since the last `channelReadComplete`.
    private var hasForwarded = false
    /// Whether a requested read is held back until the next request may be read.
    private var readIsPending = false
    /// Whether the client has closed its sending side while received requests are not parsed yet.
    private var hasPendingInputEnd = false
    private var isQuiescing = false

    /// Number of bytes received of the current body.
    private var bodyBytes = 0
    /// Checks the speed of the current body; nil between requests.
    private var pace: BodyPace?
    /// Number of unsent bytes at the last check.
    private var unsentBytes = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?

    /// - Parameters:
    ///   - socket: this connection's writer.
    ///   - entry: this connection's entry among all client connections.
    ///   - maxHead: in bytes.
    init(
        inference: InferenceHandler, socket: CoalescingWriter, entry: ClientConnectionEntry? = nil, maxHead: Int,
        idleTimeout: TimeAmount, drain: TimeAmount
    ) {
        self.entry = entry
        self.inference = inference
        self.socket = socket
        self.idleTimeout = idleTimeout
        self.drain = drain
        parser = RequestParser(maxHead: maxHead)
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
        // A client must not send bytes of another protocol before the gateway's response to the upgrade.
        if parser.hasPending { context.close(promise: nil) }
        entry?.becameBusy()
        context.leavePipeline(removalToken: removalToken)
    }

    /// Timers retain this handler until they are cancelled, because weak references would make every retain slower.
    private func stopTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
        (idleTimer, drainTimer) = (nil, nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // A response may still be written before the pipeline is removed; no further request may begin after it.
        phase = .refused
        stopTimers()
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = phase else { return }
        parser.append(unwrapInboundIn(data))
        forwardAvailable(context)
    }

    /// Passes on all parts that may be parsed now: the rest of a request, or the next one if the previous exchange is
    /// complete.
    private func forwardAvailable(_ context: ChannelHandlerContext) {
        // A response that completes while its request is being passed on re-enters here.
        guard !isForwarding else { return }
        isForwarding = true
        defer { isForwarding = false }
        do throws(RequestParser.Violation) {
            while mayParseNext, let part = try parser.next() { forward(part, context) }
            if hasPendingInputEnd, mayParseNext { return handleInputEnd(context) }
        } catch {
            refuse(error, context)
        }
    }

    private var mayParseNext: Bool {
        guard case .open = phase else { return false }
        return exchange.map { !$0.isRead } ?? !isQuiescing
    }

    private func forward(_ part: RequestParser.Part, _ context: ChannelHandlerContext) {
        // Complete heads count as activity, bytes do not: a head that never completes is not activity.
        switch part {
        case .head(let head):
            exchange = Exchange()
            lastActivity = .now()
            bodyBytes = 0
            pace = BodyPace(
                gracePeriod: idleTimeout.nanoseconds, now: Int64(clamping: lastActivity.uptimeNanoseconds))
            entry?.becameBusy()
            // A GET may request an upgrade, which a handler in the pipeline detects.
            isPassing = head.method == .GET || !inference.begin(head)
            if isPassing { pass(.head(head), context) }
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if isPassing { pass(.body(bytes), context) } else { inference.receive(bytes) }
        case .end:
            exchange?.isRead = true
            pace = nil
            lastActivity = .now()
            if isPassing { pass(.end(nil), context) } else { inference.receiveEnd() }
            endExchange(context)
        }
    }

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        hasForwarded = true
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// Keeps one read outstanding while a request is being answered. Otherwise no handler would request a read, and the
    /// event loop would deregister the connection from polling and register it again: two system calls per request. That
    /// read receives the client's disconnect or the beginning of the next request, after which reads are held back.
    func channelReadComplete(context: ChannelHandlerContext) {
        fireReadComplete(context)
        if exchange?.isRead ?? false, !parser.hasPending { context.read() }
    }

    /// Signals the end of a read to the control plane if it passed a part.
    private func fireReadComplete(_ context: ChannelHandlerContext) {
        guard hasForwarded else { return }
        hasForwarded = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if holdsReads { readIsPending = true } else { context.read() }
    }

    /// Whether reads are held back: the next request is not read while a request is being answered. After the last
    /// response, reads only detect the end of the client's input.
    private var holdsReads: Bool {
        if case .open = phase { exchange?.isRead ?? false } else { false }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            if mayParseNext, !parser.isBetweenRequests { refuse(.incomplete, context) }
            if inference.clientDisconnected() { return }
            // The end of input takes effect after the requests that were received before it.
            hasPendingInputEnd = exchange?.isRead ?? false && parser.hasPending
            if hasPendingInputEnd { return }
            context.fireUserInboundEventTriggered(event)
        case is ChannelShouldQuiesceEvent: quiesce(context)
        case is ConnectionEviction:
            if exchange == nil, !parser.hasPending { context.close(promise: nil) } else { entry?.keepOpen() }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Handles the end of the client's input after all requests received before it have been answered.
    private func handleInputEnd(_ context: ChannelHandlerContext) {
        hasPendingInputEnd = false
        if !parser.isBetweenRequests { refuse(.incomplete, context) }
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    // MARK: Responses

    /// Whether a response may still be written.
    var isOpen: Bool {
        if case .refused = phase { false } else { true }
    }

    /// Writes a part of a response from the control plane.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // The rest of this request was malformed, and the client has received an error: this response is too late.
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
        exchange?.response = .begun
        exchange?.isLast = isLast
    }

    /// The response has been written completely.
    /// - Parameter isLast: whether the connection closes after it, whatever its head states.
    func responseIsComplete(isLast: Bool = false) {
        exchange?.response = .complete
        if isLast { exchange?.isLast = true }
        lastActivity = .now()
        guard let context else { return }
        // A client that has not read the response yet does not count as idle.
        if !context.channel.isWritable { unsentBytes = .max }
        endExchange(context)
        guard exchange == nil, !isForwarding else { return }
        forwardAvailable(context)
        fireReadComplete(context)
        guard readIsPending, !holdsReads else { return }
        readIsPending = false
        context.read()
    }

    /// Ends the exchange when the request has been read and its response written.
    private func endExchange(_ context: ChannelHandlerContext) {
        guard let exchange, exchange.isRead, exchange.response == .complete else { return }
        self.exchange = nil
        entry?.becameIdle(at: lastActivity)
        if exchange.isLast { phase = .answered }
        if isQuiescing { closeWhenSent(context) }
    }

    // MARK: Malformed requests

    private func refuse(_ violation: RequestParser.Violation, _ context: ChannelHandlerContext) {
        switch exchange?.response {
        // The last response is complete.
        case .complete where exchange?.isLast ?? false: phase = .answered
        // The client would match a second response to another request.
        case .complete: closeAfterRefusal(context)
        // Too late for an error response.
        case .begun:
            phase = .refused
            context.close(promise: nil)
        case .awaited, nil:
            sendError(violation.gatewayError)
            closeAfterRefusal(context)
        }
    }

    private func sendError(_ error: GatewayError) {
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

    private func closeAfterRefusal(_ context: ChannelHandlerContext) {
        phase = .refused
        context.close(mode: .output, promise: nil)
        drainTimer?.cancel()
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardTimeout) { [self] in
            self.context?.close(promise: nil)
        }
    }

    /// The connection failed; dependent handlers are notified by `channelInactive`.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Shutting down

    private func quiesce(_ context: ChannelHandlerContext) {
        isQuiescing = true
        if case .refused = phase { return }
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: drain) { [self] in drainExpired() }
        if exchange == nil { closeWhenSent(context) }
    }

    /// Closes the connection when all bytes are sent. Closing earlier would drop bytes that a slow client has not read
    /// yet; with nothing to send, it closes immediately, so that no request can arrive in between.
    private func closeWhenSent(_ context: ChannelHandlerContext) {
        guard socket.hasPending || unsent(context) > 0 else { return context.close(promise: nil) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in self.context?.close(promise: nil) }
        // An empty write: its promise succeeds after all earlier bytes.
        socket.write(ByteBuffer(), promise: sent)
        socket.flush()
    }

    private func drainExpired() {
        guard inference.drainExpired() else {
            context?.close(promise: nil)
            return
        }
        drainTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: Self.drainGracePeriod) { [self] in
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
            if isWaitingForGateway(context) { lastActivity = .now() }
            if lastActivity + idleTimeout <= .now() {
                context.close(promise: nil)
            } else {
                armIdleTimer(context.eventLoop)
            }
        }
    }

    /// Whether the body of the current request arrives too slowly.
    private func bodyIsTooSlow() -> Bool {
        guard pace != nil else { return false }
        let now = NIODeadline.now()
        let time = Int64(clamping: now.uptimeNanoseconds)
        lastActivity = now
        if inference.holdsReads {
            pace?.readingWasPaused(received: bodyBytes, now: time)
            return false
        }
        guard let deadline = pace?.deadline, deadline <= time else { return false }
        return pace?.isTooSlow(received: bodyBytes, now: time) ?? false
    }

    private func stopReadingBody(_ context: ChannelHandlerContext) {
        pace = nil
        if inference.bodyIsTooSlow() { return }
        guard exchange?.response == .awaited else { return context.close(promise: nil) }
        sendError(.bodyIsTooSlow)
        closeAfterRefusal(context)
    }

    /// Whether the connection is in use although the client sends nothing: the gateway holds back the request's body or
    /// generates the response, or the client is still reading what was written.
    private func isWaitingForGateway(_ context: ChannelHandlerContext) -> Bool {
        if let exchange, !exchange.isRead { return inference.holdsReads }
        // Generating a response may take long and does not count as idle, unless the client reads too slowly.
        if exchange != nil, context.channel.isWritable { return true }
        let before = unsentBytes
        unsentBytes = unsent(context)
        return unsentBytes != before
    }

    /// Number of bytes written to the channel that the kernel has not accepted yet.
    private func unsent(_ context: ChannelHandlerContext) -> Int {
        do {
            return try context.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? 0
        } catch {
            return 0  // the channel is closed already
        }
    }
}
