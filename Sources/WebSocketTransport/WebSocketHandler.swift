import NIOCore
import NIOWebSocket
import SimpleAICore

/// One end of a WebSocket in its channel's pipeline, behind the frame codec: responds to pings, sends its own,
/// assembles messages, and ensures that every connection ends.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    enum Role { case client, server }

    private enum Phase {
        case open
        /// A close frame was sent; the peer's is awaited.
        case closing(WebSocketEnd)
        case closed
    }

    /// Maximum number of frames that are discarded after our close frame.
    private static let maxDiscardedFrames = 1_024
    /// Maximum number of unsent bytes at which pings are still answered: a peer that floods with pings and does not
    /// read gets no more pongs.
    private static let maxUnsentPongs = 64 << 10

    private let role: Role
    private let options: WebSocketOptions
    private let receiver: any WebSocketReceiver
    private var assembly: FrameAssembly
    private var budget: FrameBudget?
    private var phase = Phase.open
    private var context: ChannelHandlerContext?
    private var lastReceivedAt: NIODeadline = .uptimeNanoseconds(0)
    private var heartbeat: Scheduled<Void>?
    private var closeDeadline: Scheduled<Void>?
    private var discardedFrames = 0
    private var unsentBytes = 0

    init(_ role: Role, options: WebSocketOptions, receiver: any WebSocketReceiver) {
        self.role = role
        self.options = options
        self.receiver = receiver
        budget = options.budget
        assembly = FrameAssembly(
            expectsMasks: role == .server, maxMessage: options.maxMessage.bytes, maxFragments: options.maxFragments)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        lastReceivedAt = context.eventLoop.now
        armHeartbeat(context.eventLoop)
        receiver.webSocketOpened(WebSocket(self, channel: context.channel))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(as: .lost)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(as: .lost)
        context.fireChannelInactive()
    }

    // MARK: Incoming frames

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        lastReceivedAt = context.eventLoop.now
        if case .closed = phase { return }
        if case .closing = phase {
            discardedFrames += 1
            if discardedFrames > Self.maxDiscardedFrames { return abort(as: .lost) }
        } else if let isWithin = budget?.take(
            bytes: frame.length, now: .nanoseconds(lastReceivedAt.uptimeNanoseconds)), !isWithin
        {
            return fail(.flood)
        }
        do throws(WebSocketFault) {
            receive(try assembly.receive(frame), context)
        } catch {
            fail(error)
        }
    }

    private func receive(_ event: FrameAssembly.Event, _ context: ChannelHandlerContext) {
        switch (event, phase) {
        case (.close, .closing(let end)): finish(as: end)
        case (.close(let code, let reason), .open): respondToClose(code, reason, context)
        case (.ping(let bytes), .open) where unsentBytes < Self.maxUnsentPongs: write(.pong, bytes)
        case (.message(let message), .open): receiver.webSocketReceived(message)
        default: break
        }
    }

    /// Handles an error of a decoder or of the connection.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (error, phase) {
        // A decoder that has failed repeats its error for every further byte.
        case (is ByteToMessageDecoderError, _), (_, .closed): break
        case (NIOWebSocketError.invalidFrameLength, _): fail(.tooLarge)
        case (is NIOWebSocketError, _): fail(.protocolViolation("a malformed control frame"))
        default: abort(as: .lost)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        // A peer that has closed its sending side cannot send a close frame.
        case ChannelEvent.inputClosed: abort(as: .lost)
        // The server waits for its connections to close; if forwarded, the event would close this one immediately.
        case is ChannelShouldQuiesceEvent:
            close(code: WebSocketCloseCode.goingAway.rawValue, reason: "", as: .closedByUs)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Outgoing frames

    func send(_ text: String) {
        guard case .open = phase, let context else { return }
        write(.text, context.channel.allocator.buffer(string: text))
        // A peer that does not read must not make unsent data grow without bound.
        if unsentBytes > options.maxUnsent.bytes { abort(as: .fault(.flood)) }
    }

    private func write(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer) {
        guard let context else { return }
        let count = bytes.readableBytes
        unsentBytes += count
        let mask = role == .client ? WebSocketMaskingKey.random() : nil
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.unsentBytes -= count }
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: mask, data: bytes)
        context.writeAndFlush(wrapOutboundOut(frame), promise: written)
    }

    // MARK: Closing

    /// Sends a close frame and waits for the peer's, so that the peer reads it before its kernel receives a reset.
    func close(code: Int, reason: String, as end: WebSocketEnd) {
        guard case .open = phase, let context else { return }
        phase = .closing(end)
        write(.connectionClose, Self.closeFrame(code, reason))
        closeDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(options.closeTimeout)) {
            [weak self] in self?.finish(as: end)
        }
        heartbeat?.cancel()
    }

    private func fail(_ fault: WebSocketFault) {
        // A peer whose connection is already closing receives no second close frame; only its timeout runs.
        close(code: fault.closeCode, reason: "", as: .fault(fault))
    }

    private func respondToClose(_ code: Int?, _ reason: String, _ context: ChannelHandlerContext) {
        let closePayload = code.map { Self.closeFrame($0, "") } ?? ByteBuffer()
        write(.connectionClose, closePayload)
        finish(as: .closedByPeer(code: code, reason: reason))
    }

    func abort(as reason: WebSocketEnd) {
        if case .closing(let end) = phase { return finish(as: end) }
        finish(as: reason)
    }

    private func finish(as reason: WebSocketEnd) {
        let channel = context?.channel
        end(as: reason)
        channel?.close(promise: nil)
    }

    private func end(as reason: WebSocketEnd) {
        let reported: WebSocketEnd
        switch phase {
        case .closed: return
        case .closing(let decided): reported = decided
        case .open: reported = reason
        }
        phase = .closed
        heartbeat?.cancel()
        closeDeadline?.cancel()
        receiver.webSocketClosed(reported)
    }

    private static func closeFrame(_ code: Int, _ reason: String) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeInteger(UInt16(truncatingIfNeeded: code))
        // A control frame carries at most 125 bytes (RFC 6455 §5.5); the reason is cut at a character boundary.
        var text = reason
        while text.utf8.count > 123 { text.removeLast() }
        bytes.writeString(text)
        return bytes
    }

    // MARK: Heartbeat

    /// Sends a ping; without any frame within this time the connection is closed as `silent`.
    func verify(within time: TimeAmount) {
        guard case .open = phase, let context else { return }
        let sentAt = context.eventLoop.now
        write(.ping, ByteBuffer())
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            guard let self, case .open = phase, lastReceivedAt <= sentAt else { return }
            abort(as: .silent)
        }
    }

    private func armHeartbeat(_ eventLoop: any EventLoop) {
        heartbeat = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(options.pingInterval)) { [weak self] in
            self?.beat()
        }
    }

    private func beat() {
        guard case .open = phase, let context else { return }
        let silence = context.eventLoop.now - lastReceivedAt
        if silence >= TimeAmount(options.silenceTimeout) { return abort(as: .silent) }
        if silence >= TimeAmount(options.pingInterval) { write(.ping, ByteBuffer()) }
        armHeartbeat(context.eventLoop)
    }
}
