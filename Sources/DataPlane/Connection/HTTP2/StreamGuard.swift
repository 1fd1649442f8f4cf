import NIOCore
import NIOHTTP1
import SimpleAICore

/// Supervises one HTTP/2 stream as `ClientConnection` does a connection: ends it when its client is too slow to send
/// the request or to read the response, and ends its call when the drain time at shutdown is over.
///
/// If the client resets the stream or disconnects, the end of the stream notifies the data plane.
final class StreamGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Time for an error event to reach the client after the drain time.
    private static let errorDeliveryTime: TimeAmount = .seconds(1)
    /// Approximate number of response bytes that the client has to receive within the idle timeout; also the maximum
    /// size of one write.
    private static let maxWriteSize = 16 << 10

    private let inference: InferenceHandler
    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private let drainDeadline: NIODeadline?
    private var context: ChannelHandlerContext?
    private var requestIsComplete = false
    /// Number of bytes received of the body.
    private var bodyBytes = 0
    /// Non-nil while the request is being read.
    private var pace: BodyPace?
    /// The latest piece of a response, held until the next one or a flush.
    private var held: (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)?
    /// Bytes written since the last write whose completion was observed.
    private var unobservedBytes = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?

    /// - Parameter drainDeadline: when the stream's call has to end, if the gateway is already shutting down.
    init(inference: InferenceHandler, idleTimeout: TimeAmount, drain: TimeAmount, drainDeadline: NIODeadline?) {
        self.drain = drain
        self.inference = inference
        self.idleTimeout = idleTimeout
        self.drainDeadline = drainDeadline
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armIdleTimer(context.eventLoop)
        if let drainDeadline { armDrainTimer(context, at: drainDeadline) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        cancelTimers()
        held?.promise?.fail(ChannelError.alreadyClosed)
        held = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            lastActivity = .now()
            pace = BodyPace(
                gracePeriod: idleTimeout.nanoseconds, now: Int64(clamping: lastActivity.uptimeNanoseconds))
        case .body(let bytes): bodyBytes += bytes.readableBytes
        case .end:
            requestIsComplete = true
            pace = nil
            lastActivity = .now()
        }
        context.fireChannelRead(data)
    }

    /// Observes the promises of some writes, because the stream does not report how many written bytes have been sent.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body(.byteBuffer(let bytes)) where bytes.readableBytes == 0:
            // An empty write asks whether all earlier bytes have been sent. A frame for it would look like an attack:
            // clients close connections on which they receive empty frames (CVE-2019-9518).
            if held == nil { promise?.succeed() } else { held?.promise.setOrCascade(to: promise) }
        case .body(.byteBuffer(let bytes)):
            writeHeld(context)
            held = (bytes, promise)
        case .head:
            writeHeld(context)
            context.write(data, promise: promise)
        case .body, .end:
            writeHeld(context)
            context.write(data, promise: observed(promise, context))
        }
    }

    func flush(context: ChannelHandlerContext) {
        writeHeld(context)
        context.flush()
    }

    private func writeHeld(_ context: ChannelHandlerContext) {
        guard var (bytes, promise) = held else { return }
        held = nil
        while bytes.readableBytes > Self.maxWriteSize, let piece = bytes.readSlice(length: Self.maxWriteSize) {
            context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: observed(nil, context))
        }
        unobservedBytes += bytes.readableBytes
        if unobservedBytes >= Self.maxWriteSize {
            unobservedBytes = 0
            promise = observed(promise, context)
        }
        context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
    }

    private func observed(
        _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) -> EventLoopPromise<Void> {
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { [weak self] in self?.lastActivity = .now() }
        return sent
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Not forwarded: Hummingbird's handler would close the stream immediately. The connection already prevents new streams.
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        armDrainTimer(context, at: .now() + drain)
    }

    private func armDrainTimer(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        drainTimer?.cancel()
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            guard self.inference.drainExpired() else { return self.abort() }
            self.drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.errorDeliveryTime) {
                [weak self] in
                self?.abort()
            }
        }
    }

    private func abort() {
        context?.triggerUserOutboundEvent(StreamRules.CloseStream(), promise: nil)
    }

    private func armIdleTimer(_ eventLoop: any EventLoop) {
        let deadline = pace.map { .uptimeNanoseconds(UInt64(clamping: $0.deadline)) } ?? lastActivity + idleTimeout
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            if self.bodyIsBelowMinPace() {
                self.pace = nil
                if !self.inference.bodyIsTooSlow() { return self.abort() }
                return self.armIdleTimer(context.eventLoop)
            }
            if self.isWaitingForGateway(context) { self.lastActivity = .now() }
            if self.lastActivity + self.idleTimeout <= .now() {
                self.abort()
            } else {
                self.armIdleTimer(context.eventLoop)
            }
        }
    }

    /// Whether the body of the current request arrives too slowly.
    private func bodyIsBelowMinPace() -> Bool {
        guard pace != nil else { return false }
        lastActivity = .now()
        let time = Int64(clamping: lastActivity.uptimeNanoseconds)
        if inference.holdsReads {
            pace?.readingWasPaused(received: bodyBytes, now: time)
            return false
        }
        guard let deadline = pace?.deadline, deadline <= time else { return false }
        return pace?.isTooSlow(received: bodyBytes, now: time) ?? false
    }

    /// Whether the client waits for the services: it has sent its request and does not delay the response by reading
    /// slowly, or the gateway itself holds back the request's body.
    private func isWaitingForGateway(_ context: ChannelHandlerContext) -> Bool {
        requestIsComplete ? context.channel.isWritable : inference.holdsReads
    }

    private func cancelTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
    }
}
