import Logging
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore
import Synchronization

/// Handles one connection from the gateway: relays one request at a time, its body unchanged, to the engine that has
/// its model.
///
/// The engine's responses are forwarded unchanged as they arrive; the gateway interprets them. If the engine's
/// connection is lost during a response, the gateway's connection is closed, so that the response cannot be mistaken
/// for complete. If the gateway disconnects, the call to the engine is cancelled. Everything here runs on the
/// connection's event loop.
final class CallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        case idle
        case receiving(RelayedCall)
        /// A request that the agent refuses or serves itself: its body is short, and read before the response, so that the
        /// connection can be kept.
        case responding(HTTPRequestHead, ControlResponse)
        case relaying(RelayedCall)
        /// The response ended before the request: the remainder of the request is discarded, so that the gateway can read the
        /// response, and the connection closes.
        case discarding
        case closing
    }

    private let services: CallServices
    private var phase: Phase = .idle
    private var context: ChannelHandlerContext?
    /// Whether this connection accepts no further request: the server is shutting down, or the request has `Connection:
    /// close`.
    private var isLastRequest = false
    private var shutdownTimer: Scheduled<Void>?
    /// Detects a request body that arrives too slowly.
    private var pace: BodyPaceTimer?
    /// Whether the rest of a request is still arriving while an engine works on it, or after the response has begun.
    private var requestIsOpen = false
    private var discardedBytes = 0
    /// Whether the last response of this connection has been sent.
    private var responseIsSent = false
    /// The memory share for requests from this address.
    private(set) lazy var memory = services.budget.share(
        for: nil, from: Peer(IPAddress(context?.channel.remoteAddress)))

    init(_ services: CallServices) {
        self.services = services
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        pace = BodyPaceTimer(on: context.eventLoop) { [weak self] in self?.context?.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: The gateway's side

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (phase, unwrapInboundIn(data)) {
        case (.idle, .head(let head)):
            discardedBytes = 0
            pace?.begin()
            begin(head, context)
        case (.receiving(let call), .body(let bytes)):
            pace?.received(bytes.readableBytes)
            do throws(CallRefusal) {
                if try call.receive(bytes) { try forwardEarly(call) }
            } catch {
                refuse(call, error)
            }
        case (.receiving(let call), .end):
            pace?.end()
            forward(call)
        case (.relaying(let call), .body(let bytes)):
            guard let body = call.incomingBody else { return context.close(promise: nil) }
            pace?.received(bytes.readableBytes)
            body.receive(bytes)
            if !body.wantsBytes { pauseReading(context) }
        case (.relaying(let call), .end):
            guard call.incomingBody != nil else { return context.close(promise: nil) }
            pace?.end()
            requestIsOpen = false
        case (.responding, .body(let bytes)): pace?.received(bytes.readableBytes)
        case (.responding(let head, let response), .end):
            pace?.end()
            send(response, to: head)
        case (.discarding, .body(let bytes)):
            pace?.received(bytes.readableBytes)
            discardedBytes += bytes.readableBytes
            if discardedBytes > CallServices.maxBody.bytes { context.close(promise: nil) }
        case (.discarding, .end):
            pace?.end()
            phase = .closing
            if responseIsSent { context.close(promise: nil) }
        case (.closing, _): break
        // Pipelined requests, which no version of the gateway sends.
        case (.relaying, .head), (.receiving, .head), (.responding, .head), (.discarding, .head), (.idle, _):
            context.close(promise: nil)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if !head.connectionPersists { isLastRequest = true }
        switch CallRoute(head, services) {
        case .respond(let response): respond(response, to: head)
        case .call(let endpoint):
            do throws(CallRefusal) {
                phase = .receiving(
                    try RelayedCall(head: head, endpoint: endpoint, services: services, connection: self))
            } catch {
                return respond(ControlResponse(error), to: head)
            }
            if Self.awaitsContinue(head) {
                context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
            }
        }
    }

    private static func awaitsContinue(_ head: HTTPRequestHead) -> Bool {
        head.headers.first(name: "expect")?.lowercased() == "100-continue"
    }

    /// In bytes: maximum length of a body that is read before the agent's own response.
    private static let maxAwaitedBody = 64 << 10

    private func respond(_ response: ControlResponse, to head: HTTPRequestHead) {
        let isShort =
            RelayedCall.length(of: head).map { $0 <= Self.maxAwaitedBody }
            ?? !head.headers.contains(name: "transfer-encoding")
        if isShort, !Self.awaitsContinue(head) {
            phase = .responding(head, response)
        } else {
            respondEarly(response, to: head)
        }
    }

    /// Responds to a request whose body is still arriving: the gateway need not send the rest. What it sends nevertheless is
    /// discarded at the pace and size of any other body, and the connection closes.
    private func respondEarly(_ response: ControlResponse, to head: HTTPRequestHead) {
        requestIsOpen = true
        send(response, to: head)
    }

    /// Forwards the beginning of a request; the rest follows as it arrives.
    private func forwardEarly(_ call: RelayedCall) throws(CallRefusal) {
        phase = .relaying(call)
        requestIsOpen = true
        do throws(CallRefusal) {
            try call.forward(on: services.pools)
        } catch {
            requestIsOpen = false
            throw error
        }
        call.incomingBody?.onDrained = { [weak self] in self?.resumeReading() }
        if let body = call.incomingBody, let context, !body.wantsBytes { pauseReading(context) }
    }

    /// Back-pressure from the engine. Meanwhile the pace of the gateway is not watched: the agent determines it.
    private func pauseReading(_ context: ChannelHandlerContext) {
        pace?.end()
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    }

    private func resumeReading() {
        guard requestIsOpen, let context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        pace?.begin()
    }

    private func forward(_ call: RelayedCall) {
        phase = .relaying(call)
        do throws(CallRefusal) {
            try call.forward(on: services.pools)
        } catch {
            call.end()
            send(ControlResponse(error), to: call.head)
        }
    }

    /// Refuses a request while its body is arriving.
    private func refuse(_ call: RelayedCall, _ refusal: CallRefusal) {
        call.end()
        respondEarly(ControlResponse(refusal), to: call.head)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch phase {
        case .receiving(let call), .relaying(let call): call.cancel()
        default: break
        }
        phase = .closing
        shutdownTimer?.cancel()
        pace?.end()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .relaying(let call) = phase { call.writabilityChanged(isWritable: context.channel.isWritable) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            isLastRequest = true
            if case .idle = phase { return context.close(promise: nil) }
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            let deadline = services.shutdownDeadline.withLock { $0 }
            shutdownTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
                bound.value.close(promise: nil)
            }
        case is IdleStateHandler.IdleStateEvent:
            // Closes the connection, unless an engine is still working on its call, or has not taken the request yet.
            if case .relaying(let call) = phase, !requestIsOpen || !(call.incomingBody?.wantsBytes ?? true) { return }
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: The engine's side, reported by `RelayedCall`

    var isWritable: Bool { context?.channel.isWritable ?? false }
    var eventLoop: (any EventLoop)? { context?.eventLoop }

    func write(_ part: HTTPServerResponsePart) {
        guard let context else { return }
        switch part {
        case .head(var head):
            if isLastRequest || requestIsOpen { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head.neutralized)), promise: nil)
        case .body: context.write(wrapOutboundOut(part), promise: nil)
        case .end: break
        }
    }

    func flush() { context?.flush() }

    func endResponse() {
        guard let context else { return }
        phase = requestIsOpen ? .discarding : isLastRequest ? .closing : .idle
        guard requestIsOpen || isLastRequest else {
            return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.lastResponseSent() }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        // The engine does not read the rest, so nothing else resumes reading.
        resumeReading()
    }

    /// Closing earlier would truncate a response that the gateway has not read yet.
    private func lastResponseSent() {
        responseIsSent = true
        if case .closing = phase { context?.close(promise: nil) }
    }

    /// The engine did not respond.
    func fail(_ call: RelayedCall, _ refusal: CallRefusal) {
        send(ControlResponse(refusal), to: call.head)
    }

    /// The engine's connection was lost during its response.
    func abortResponse() {
        phase = .closing
        context?.close(promise: nil)
    }

    // MARK: The agent's own responses

    private func send(_ response: ControlResponse, to head: HTTPRequestHead) {
        write(.head(response.head))
        if head.method != .HEAD { write(.body(.byteBuffer(ByteBuffer(string: response.body)))) }
        endResponse()
    }
}
