import NIOCore
import NIOHTTP1
import SimpleAICore

/// Watches over one HTTP/2 stream as `ClientConnection` does over a connection: ends it when its client is too slow to
/// say what it wants or to take what it asked for, and ends its call when the gateway has to shut down.
///
/// That the client resets the stream, or leaves, the data plane hears as the stream's end.
final class StreamGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// For an error event to reach the client, after the time for open calls is over.
    private static let lastWords: TimeAmount = .seconds(1)
    /// How much of an answer has to be taken within the idle time, about; and what is written in one piece.
    private static let piece = 16 << 10

    private let inference: InferenceHandler
    private let idleTimeout: TimeAmount
    private let drain: TimeAmount
    private let drainDeadline: NIODeadline?
    private var context: ChannelHandlerContext?
    private var requestIsComplete = false
    /// What has come of the body.
    private var bodyBytes = 0
    /// While the request is being read.
    private var pace: BodyPace?
    /// The latest piece of an answer, until the next one or a flush.
    private var held: (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)?
    /// What has been written since the last piece whose way was followed.
    private var unfollowedBytes = 0
    private var lastActivity: NIODeadline = .now()
    private var idleTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?

    /// - Parameter drainDeadline: when its call has to end, if the gateway is shutting down already.
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

    /// The stream does not tell how much of what was written has left; so some of the writes do.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body(.byteBuffer(let bytes)) where bytes.readableBytes == 0:
            // Somebody asks whether what was written has left. A frame for that would look like an attack: clients
            // close connections on which empty ones come (CVE-2019-9518).
            if held == nil { promise?.succeed() } else { held?.promise.setOrCascade(to: promise) }
        case .body(.byteBuffer(let bytes)):
            writeHeld(context)
            held = (bytes, promise)
        case .head:
            writeHeld(context)
            context.write(data, promise: promise)
        case .body, .end:
            writeHeld(context)
            context.write(data, promise: followed(promise, context))
        }
    }

    func flush(context: ChannelHandlerContext) {
        writeHeld(context)
        context.flush()
    }

    private func writeHeld(_ context: ChannelHandlerContext) {
        guard var (bytes, promise) = held else { return }
        held = nil
        while bytes.readableBytes > Self.piece, let piece = bytes.readSlice(length: Self.piece) {
            context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: followed(nil, context))
        }
        unfollowedBytes += bytes.readableBytes
        if unfollowedBytes >= Self.piece {
            unfollowedBytes = 0
            promise = followed(promise, context)
        }
        context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
    }

    private func followed(
        _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) -> EventLoopPromise<Void> {
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { [weak self] in self?.lastActivity = .now() }
        return sent
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Hummingbird would close at once; the connection sees to it that no new streams come.
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        armDrainTimer(context, at: .now() + drain)
    }

    private func armDrainTimer(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        drainTimer?.cancel()
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            guard self.inference.drainExpired() else { return self.abort() }
            self.drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lastWords) { [weak self] in
                self?.abort()
            }
        }
    }

    private func abort() {
        context?.triggerUserOutboundEvent(StreamRules.Abort(), promise: nil)
    }

    private func armIdleTimer(_ eventLoop: any EventLoop) {
        let deadline = pace.map { .uptimeNanoseconds(UInt64(clamping: $0.deadline)) } ?? lastActivity + idleTimeout
        idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            if self.bodyIsTooSlow() {
                self.pace = nil
                if !self.inference.bodyIsTooSlow() { return self.abort() }
                return self.armIdleTimer(context.eventLoop)
            }
            if self.isWaitingForUs(context) { self.lastActivity = .now() }
            if self.lastActivity + self.idleTimeout <= .now() {
                self.abort()
            } else {
                self.armIdleTimer(context.eventLoop)
            }
        }
    }

    /// Whether the request that is being read arrives too slowly to be waited for.
    private func bodyIsTooSlow() -> Bool {
        guard pace != nil else { return false }
        lastActivity = .now()
        let time = Int64(clamping: lastActivity.uptimeNanoseconds)
        if inference.holdsReads {
            pace?.readingWasHeld(received: bodyBytes, now: time)
            return false
        }
        guard let deadline = pace?.deadline, deadline <= time else { return false }
        return pace?.isTooSlow(received: bodyBytes, now: time) ?? false
    }

    /// Whether it is not the client's turn: to send its request to the end, or to read what has been written for it.
    private func isWaitingForUs(_ context: ChannelHandlerContext) -> Bool {
        requestIsComplete ? context.channel.isWritable : inference.holdsReads
    }

    private func cancelTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
    }
}
