import NIOCore
import NIOHTTP2

/// Supervises an HTTP/2 connection: closes it when it is idle too long, when the client disconnects or violates the
/// protocol, and at the end of a shutdown.
///
/// The next handler performs the graceful close (GOAWAY, no new streams, close after the last one) on a quiescing event.
final class HTTP2ConnectionGuard: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame

    /// Time for the client to close after a GOAWAY, and for error events to reach it after the drain time.
    private static let closeGracePeriod: TimeAmount = .seconds(2)

    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private let entry: ClientConnectionEntry?
    private var context: ChannelHandlerContext?
    private var streams = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var endTimer: Scheduled<Void>?
    private var isClosingGracefully = false
    /// When calls in progress have to end; nil until the gateway shuts down.
    private(set) var drainDeadline: NIODeadline?

    init(idleTimeout: TimeAmount, drain: TimeAmount, entry: ClientConnectionEntry? = nil) {
        self.entry = entry
        self.idleTimeout = idleTimeout
        self.drain = drain
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armIdleTimer(context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        cancelTimers()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        context.fireChannelInactive()
    }

    /// Whether a new stream is admitted: the first one uses the connection's entry, each other one counts separately.
    /// - Parameter stream: stops counting when it closes.
    func admits(_ stream: any Channel) -> Bool {
        // `streams` does not include this stream yet.
        guard streams > 0, let entry else { return true }
        guard entry.beginStream() else { return false }
        stream.closeFuture.whenComplete { _ in entry.endStream() }
        return true
    }

    func streamBegan() {
        streams += 1
        lastActivity = .now()
        entry?.becameBusy()
    }

    func streamEnded() {
        streams -= 1
        lastActivity = .now()
        if streams == 0 { entry?.becameIdle(at: lastActivity) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // Without further frames from the client no stream can continue: a half-close counts as a disconnect.
            context.close(promise: nil)
        case is ChannelShouldQuiesceEvent where drainDeadline == nil:
            drainDeadline = .now() + drain
            startGracefulClose(context, end: drain + Self.closeGracePeriod)
        case is ConnectionEviction:
            if streams == 0 {
                startGracefulClose(context, end: Self.closeGracePeriod)
            } else {
                entry?.keepOpen()
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch Severity(of: error) {
        case .stream: break  // the stream has been reset; the others continue
        case .unclear: startGracefulClose(context, end: nil)
        case .connection: context.close(promise: nil)
        }
    }

    /// - Parameter end: time until the connection is closed even if calls are in progress; nil: no limit.
    private func startGracefulClose(_ context: ChannelHandlerContext, end: TimeAmount?) {
        if let end {
            endTimer?.cancel()
            endTimer = context.eventLoop.assumeIsolated().scheduleTask(in: end) { [weak self] in
                self?.context?.close(promise: nil)
            }
        }
        guard !isClosingGracefully else { return }
        isClosingGracefully = true
        context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    private func armIdleTimer(_ eventLoop: any EventLoop) {
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: lastActivity + idleTimeout) { [weak self] in
            guard let self, let context = self.context else { return }
            // `StreamGuard` handles idle streams.
            if self.streams > 0 { self.lastActivity = .now() }
            if self.lastActivity + self.idleTimeout <= .now() {
                self.startGracefulClose(context, end: Self.closeGracePeriod)
            } else {
                self.armIdleTimer(context.eventLoop)
            }
        }
    }

    private func cancelTimers() {
        idleTimer?.cancel()
        endTimer?.cancel()
    }

    /// The scope of an error (RFC 9113 §5.4): the library has already responded to it, and reports both kinds alike.
    ///
    /// A malformed request ends its stream (§8.1.1), with one exception: a field whose name is empty. The library rejects it
    /// inside its HPACK decoder (`HPACKDecoder.decodeLiteralHeader`, `EmptyLiteralHeaderFieldName`) before it has read the
    /// field's value, and offers no hook. The decoder's table then differs from the client's, and it would decode every later
    /// head of the connection incorrectly. So the library ends the connection with COMPRESSION_ERROR, as §4.3 requires after a
    /// decoding error and §5.4.1 permits for any stream error.
    private enum Severity {
        case stream, unclear, connection

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
}
