import ContentCodings
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
        /// A request that the agent refuses or serves itself: the remainder of its body is read and discarded.
        case responding(HTTPRequestHead, ControlResponse)
        case relaying(RelayedCall)
        case closing
    }

    private struct ControlResponse {
        var status: HTTPResponseStatus = .ok
        var body: String
        var fields: [(name: String, value: String)] = []
        /// The error code of a refusal; its header field marks the response as the agent's own, not an engine's.
        var code: GatewayError.Code?
    }

    private let services: CallServices
    private var phase: Phase = .idle
    private var context: ChannelHandlerContext?
    /// Whether this connection accepts no further request: the server is shutting down, or the request has `Connection:
    /// close`.
    private var isLastRequest = false
    private var shutdownTimer: Scheduled<Void>?
    /// Detects a request body that arrives too slowly; nil unless one is being received.
    private var pace: BodyPace?
    /// Bytes of the current request's body, discarded ones included.
    private var bodyBytes = 0
    private var discardedBytes = 0
    private var paceTimer: Scheduled<Void>?
    /// The memory share for requests from this address.
    private(set) lazy var memory = services.budget.share(
        for: nil, from: Peer(IPAddress(context?.channel.remoteAddress)))

    init(_ services: CallServices) {
        self.services = services
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: The gateway's side

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (phase, unwrapInboundIn(data)) {
        case (.idle, .head(let head)):
            begin(head, context)
            startPace(context)
        case (.receiving(let call), .body(let bytes)):
            bodyBytes += bytes.readableBytes
            do throws(CallRefusal) {
                try call.receive(bytes)
            } catch {
                refuse(call, error)
            }
        case (.receiving(let call), .end):
            stopPace()
            forward(call)
        case (.responding, .body(let bytes)):
            bodyBytes += bytes.readableBytes
            discardedBytes += bytes.readableBytes
            if discardedBytes > CallServices.maxBody.bytes { context.close(promise: nil) }
        case (.responding(let head, let response), .end):
            stopPace()
            send(response, to: head)
        case (.closing, _): break
        // Pipelined requests, which no version of the gateway sends.
        case (.relaying, _), (.receiving, .head), (.responding, .head), (.idle, _): context.close(promise: nil)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if !head.isKeepAlive { isLastRequest = true }
        var single = SingleFields()
        for (name, _) in head.headers {
            guard let name = single.repeated(name.utf8) else { continue }
            return phase = .responding(head, Self.response(.repeatedField(name)))
        }
        let target = RequestTarget(head.uri)
        switch (head.method, target.path) {
        case (.GET, "/health"), (.HEAD, "/health"):
            let active = services.counts.total.active
            phase = .responding(head, ControlResponse(body: "{\"status\":\"ok\",\"active\":\(active)}"))
        case (_, "/health"): phase = .responding(head, Self.response(.methodNotAllowed("GET, HEAD")))
        case _ where !services.admits(authorization: head.headers.first(name: "authorization")):
            phase = .responding(head, Self.response(.noSecret))
        case (.GET, "/v1/models"), (.HEAD, "/v1/models"): phase = .responding(head, ControlResponse(body: models))
        case (.POST, let path):
            guard let endpoint = Endpoint(rawValue: path) else {
                let isKnown = path == "/v1/models"
                return phase = .responding(head, Self.response(isKnown ? .methodNotAllowed("GET, HEAD") : .notFound))
            }
            guard ContentCoding.reading(head.headers["content-encoding"]) == .identity else {
                return phase = .responding(head, Self.response(.encoded))
            }
            phase = .receiving(RelayedCall(head: head, endpoint: endpoint, services: services, connection: self))
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
            }
        case (_, let path):
            let methods = path == "/v1/models" ? "GET, HEAD" : Endpoint(rawValue: path) != nil ? "POST" : nil
            phase = .responding(head, Self.response(methods.map { .methodNotAllowed($0) } ?? .notFound))
        }
    }

    private func forward(_ call: RelayedCall) {
        phase = .relaying(call)
        do throws(CallRefusal) {
            try call.forward(on: services.pools)
        } catch {
            call.end()
            send(Self.response(error), to: call.head)
        }
    }

    // MARK: Pace of the request body

    private func startPace(_ context: ChannelHandlerContext) {
        (bodyBytes, discardedBytes) = (0, 0)
        pace = BodyPace(gracePeriod: Self.bodyGracePeriod.nanoseconds, now: Self.now(context))
        watchPace(context)
    }

    private func watchPace(_ context: ChannelHandlerContext) {
        guard let deadline = pace?.deadline else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        paceTimer = context.eventLoop.assumeIsolated().scheduleTask(
            deadline: .uptimeNanoseconds(UInt64(clamping: deadline))
        ) {
            let handler = bound.value
            guard let context = handler.context, handler.pace != nil else { return }
            if handler.pace?.isTooSlow(received: handler.bodyBytes, now: Self.now(context)) ?? true {
                context.close(promise: nil)
            } else {
                handler.watchPace(context)
            }
        }
    }

    private func stopPace() {
        pace = nil
        paceTimer?.cancel()
        paceTimer = nil
    }

    private static let bodyGracePeriod: TimeAmount = .seconds(75)
    private static func now(_ context: ChannelHandlerContext) -> Int64 {
        Int64(clamping: context.eventLoop.now.uptimeNanoseconds)
    }

    /// Refuses a request before its body is complete: the remainder is discarded at the pace and size of any other body,
    /// and the connection closes after the response.
    private func refuse(_ call: RelayedCall, _ refusal: CallRefusal) {
        call.end()
        isLastRequest = true
        phase = .responding(call.head, Self.response(refusal))
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch phase {
        case .receiving(let call), .relaying(let call): call.cancel()
        default: break
        }
        phase = .closing
        shutdownTimer?.cancel()
        stopPace()
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
            // Closes the connection, unless an engine is still working on its call.
            if case .relaying = phase { return }
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
            if isLastRequest { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head.neutralized)), promise: nil)
        case .body: context.write(wrapOutboundOut(part), promise: nil)
        case .end: break
        }
    }

    func flush() { context?.flush() }

    func endResponse() {
        guard let context else { return }
        phase = isLastRequest ? .closing : .idle
        let written = context.eventLoop.makePromise(of: Void.self)
        if isLastRequest {
            written.futureResult.assumeIsolated().whenComplete { [weak self] _ in
                self?.context?.close(promise: nil)
            }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    /// The engine's connection was lost before its response.
    func fail(_ call: RelayedCall, _ refusal: CallRefusal) {
        send(Self.response(refusal), to: call.head)
    }

    /// The engine's connection was lost during its response.
    func abortResponse() {
        phase = .closing
        context?.close(promise: nil)
    }

    // MARK: The agent's own responses

    private func send(_ response: ControlResponse, to head: HTTPRequestHead) {
        let body = ByteBuffer(string: response.body)
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": String(body.readableBytes),
        ]
        for (name, value) in response.fields { headers.add(name: name, value: value) }
        if let code = response.code { headers.add(name: AgentError.header, value: code.rawValue) }
        write(.head(HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)))
        if head.method != .HEAD { write(.body(.byteBuffer(body))) }
        endResponse()
    }

    private static func response(_ refusal: CallRefusal) -> ControlResponse {
        ControlResponse(status: refusal.status, body: refusal.body.json, fields: refusal.fields, code: refusal.code)
    }

    private var models: String {
        let entries = services.roster.models.map {
            "{\"id\":\(JSONString.encode($0)),\"object\":\"model\",\"created\":0,\"owned_by\":\"runner\"}"
        }
        return "{\"object\":\"list\",\"data\":[\(entries.joined(separator: ","))]}"
    }
}
