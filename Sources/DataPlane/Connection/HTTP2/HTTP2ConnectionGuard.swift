import NIOCore
import NIOHTTP2

/// Supervises an HTTP/2 connection: closes it when it is idle too long, when the client disconnects or violates the
/// protocol, and at the end of a shutdown. The shell around `HTTP2ConnectionState`.
///
/// The next handler performs the graceful close (GOAWAY, no new streams, close after the last one) on a quiescing event.
final class HTTP2ConnectionGuard: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame

    private let entry: ClientConnectionEntry?
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    private var state: HTTP2ConnectionState
    private var idleTimer: Scheduled<Void>?
    private var endTimer: Scheduled<Void>?

    init(idleTimeout: TimeAmount, drain: TimeAmount, entry: ClientConnectionEntry? = nil, on eventLoop: any EventLoop) {
        self.entry = entry
        self.eventLoop = eventLoop
        state = HTTP2ConnectionState(idleTimeout: idleTimeout, drain: drain, now: eventLoop.now)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armIdleTimer(at: state.idleDeadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        cancelTimers()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        context.fireChannelInactive()
    }

    // MARK: Streams

    /// When calls in progress have to end; nil until the gateway shuts down.
    var drainDeadline: NIODeadline? { state.drainDeadline }

    /// Whether a new stream is admitted: the first one uses the connection's entry, each other one counts separately.
    /// - Parameter stream: stops counting when it closes.
    func admits(_ stream: any Channel) -> Bool {
        // The state does not count this stream yet.
        guard !state.nextStreamIsFirst, let entry else { return true }
        guard entry.beginStream() else { return false }
        stream.closeFuture.whenComplete { _ in entry.endStream() }
        return true
    }

    func streamBegan() {
        state.streamBegan(at: eventLoop.now)
        entry?.becameBusy()
    }

    func streamEnded() {
        let now = eventLoop.now
        if state.streamEnded(at: now) { entry?.becameIdle(at: now) }
    }

    // MARK: Events

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: perform(state.inputClosed())
        case is ChannelShouldQuiesceEvent: perform(state.drainBegan(at: eventLoop.now))
        case is ConnectionEviction: perform(state.evicted(at: eventLoop.now))
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        perform(state.errorCaught(.init(of: error)))
    }

    private func perform(_ action: HTTP2ConnectionState.Action) {
        switch action {
        case .none: break
        case .close: context?.close(promise: nil)
        case .closeGracefully(let latest):
            if let latest { armEndTimer(at: latest) }
            context?.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        case .closeLatest(let deadline): armEndTimer(at: deadline)
        case .keepOpen: entry?.keepOpen()
        case .wait(let deadline): armIdleTimer(at: deadline)
        }
    }

    // MARK: Timers

    private func armEndTimer(at deadline: NIODeadline) {
        endTimer?.cancel()
        endTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    private func armIdleTimer(at deadline: NIODeadline) {
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, self.context != nil else { return }
            self.perform(self.state.idleTimerFired(at: self.eventLoop.now))
        }
    }

    private func cancelTimers() {
        idleTimer?.cancel()
        endTimer?.cancel()
    }
}

extension HTTP2ConnectionState.Severity {
    /// The library has already responded to it, and reports both kinds alike.
    ///
    /// A malformed request ends its stream (§8.1.1), with one exception: a field whose name is empty. The library rejects it
    /// inside its HPACK decoder (`HPACKDecoder.decodeLiteralHeader`, `EmptyLiteralHeaderFieldName`) before it has read the
    /// field's value, and offers no hook. The decoder's table then differs from the client's, and it would decode every later
    /// head of the connection incorrectly. So the library ends the connection with COMPRESSION_ERROR, as §4.3 requires after a
    /// decoding error and §5.4.1 permits for any stream error.
    init(of error: any Error) {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.StreamClosed,
            is NIOHTTP2Errors.InvalidPseudoHeaders, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.UnknownPseudoHeader,
            is NIOHTTP2Errors.UnsupportedPseudoHeader, is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue,
            is NIOHTTP2Errors.ForbiddenHeaderField, is NIOHTTP2Errors.TrailersWithoutEndStream,
            is NIOHTTP2Errors.ContentLengthViolated, is NIOHTTP2Errors.ContentLengthHeadersMismatch,
            is NIOHTTP2Errors.ContentLengthHeaderNegative,
            is NIOHTTP2Errors.ContentLengthHeaderMalformedValue:
            self = .stream
        case is NIOHTTP2Errors.BadStreamStateTransition, is NIOHTTP2Errors.FlowControlViolation,
            is NIOHTTP2Errors.InvalidWindowIncrementSize, is NIOHTTP2Errors.NoSuchStream:
            self = .unclear
        default: self = .connection
        }
    }
}
