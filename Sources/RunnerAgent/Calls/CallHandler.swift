import ContentCodings
import Logging
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore
import Synchronization

/// One connection of the gateway: one request at a time, relayed to the engine that has its model, byte for byte.
///
/// What the engine says is passed on as it comes, whatever it is: the gateway looks into it. A lost engine ends the
/// connection in the middle of the answer, so that nobody can take it for a complete one; a lost gateway ends the
/// engine's work. Everything here happens on the connection's event loop.
final class CallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        case idle
        case receiving(RelayedCall)
        /// A request that is answered without an engine: what there is of a body is read and forgotten.
        case answering(HTTPRequestHead, Answer)
        case relaying(RelayedCall)
        case closing
    }

    private struct Answer {
        var status: HTTPResponseStatus = .ok
        var body: String
        var fields: [(name: String, value: String)] = []
        /// Of a refusal: marks it as the agent's own, not an engine's.
        var code: GatewayError.Code?
    }

    private let services: CallServices
    private var phase: Phase = .idle
    private var context: ChannelHandlerContext?
    /// This connection takes no further request: the server is ending, or the client wants it so.
    private var takesNoMore = false
    private var endOfServer: Scheduled<Void>?
    /// Of the body that is being received.
    private var pace: BodyPace?
    private var bodyBytes = 0
    private var paceTimer: Scheduled<Void>?
    /// The memory that requests from this address may take.
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
        case (.idle, .head(let head)): begin(head, context)
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
        case (.answering, .body): break
        case (.answering(let head, let answer), .end): send(answer, to: head)
        case (.closing, _): break
        // Requests that overtake answers: no gateway of ours does that.
        case (.relaying, _), (.receiving, .head), (.answering, .head), (.idle, _): context.close(promise: nil)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if !head.isKeepAlive { takesNoMore = true }
        var single = SingleFields()
        for (name, _) in head.headers {
            guard let name = single.repeated(name.utf8) else { continue }
            return phase = .answering(head, Self.answer(.repeatedField(name)))
        }
        let target = RequestTarget(head.uri)
        switch (head.method, target.path) {
        case (.GET, "/health"), (.HEAD, "/health"):
            let active = services.counts.total.active
            phase = .answering(head, Answer(body: "{\"status\":\"ok\",\"active\":\(active)}"))
        case (_, "/health"): phase = .answering(head, Self.answer(.methodNotAllowed("GET, HEAD")))
        case _ where !services.admits(authorization: head.headers.first(name: "authorization")):
            phase = .answering(head, Self.answer(.noSecret))
        case (.GET, "/v1/models"), (.HEAD, "/v1/models"): phase = .answering(head, Answer(body: models))
        case (.POST, let path):
            guard let endpoint = Endpoint(rawValue: path) else {
                let isKnown = path == "/v1/models"
                return phase = .answering(head, Self.answer(isKnown ? .methodNotAllowed("GET, HEAD") : .notFound))
            }
            guard ContentCoding.reading(head.headers["content-encoding"]) == .identity else {
                return phase = .answering(head, Self.answer(.encoded))
            }
            phase = .receiving(RelayedCall(head: head, endpoint: endpoint, services: services, connection: self))
            startPace(context)
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
            }
        case (_, let path):
            let methods = path == "/v1/models" ? "GET, HEAD" : Endpoint(rawValue: path) != nil ? "POST" : nil
            phase = .answering(head, Self.answer(methods.map { .methodNotAllowed($0) } ?? .notFound))
        }
    }

    private func forward(_ call: RelayedCall) {
        phase = .relaying(call)
        do throws(CallRefusal) {
            try call.forward(on: services.pools)
        } catch {
            call.end()
            send(Self.answer(error), to: call.head)
        }
    }

    // MARK: The pace of a body

    private func startPace(_ context: ChannelHandlerContext) {
        bodyBytes = 0
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

    /// A body that nobody will read to its end.
    private func refuse(_ call: RelayedCall, _ refusal: CallRefusal) {
        stopPace()
        call.end()
        takesNoMore = true
        phase = .answering(call.head, Self.answer(refusal))
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch phase {
        case .receiving(let call), .relaying(let call): call.cancel()
        default: break
        }
        phase = .closing
        endOfServer?.cancel()
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
            takesNoMore = true
            if case .idle = phase { return context.close(promise: nil) }
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            let deadline = services.endsBy.withLock { $0 }
            endOfServer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
                bound.value.close(promise: nil)
            }
        case is IdleStateHandler.IdleStateEvent:
            // An engine may think for long; a request may not take for ever to arrive.
            if case .relaying = phase { return }
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: The engine's side, told by `RelayedCall`

    var isWritable: Bool { context?.channel.isWritable ?? false }
    var eventLoop: (any EventLoop)? { context?.eventLoop }

    func write(_ part: HTTPServerResponsePart) {
        guard let context else { return }
        switch part {
        case .head(var head):
            if takesNoMore { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head.neutralized)), promise: nil)
        case .body: context.write(wrapOutboundOut(part), promise: nil)
        case .end: break
        }
    }

    func flush() { context?.flush() }

    func endAnswer() {
        guard let context else { return }
        phase = takesNoMore ? .closing : .idle
        let written = context.eventLoop.makePromise(of: Void.self)
        if takesNoMore {
            written.futureResult.assumeIsolated().whenComplete { [weak self] _ in
                self?.context?.close(promise: nil)
            }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    /// The engine is lost before it has answered anything.
    func fail(_ call: RelayedCall, _ refusal: CallRefusal) {
        send(Self.answer(refusal), to: call.head)
    }

    /// The engine is lost in the middle of its answer.
    func cut() {
        phase = .closing
        context?.close(promise: nil)
    }

    // MARK: Answers of our own

    private func send(_ answer: Answer, to head: HTTPRequestHead) {
        let body = ByteBuffer(string: answer.body)
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": String(body.readableBytes),
        ]
        for (name, value) in answer.fields { headers.add(name: name, value: value) }
        if let code = answer.code { headers.add(name: AgentError.header, value: code.rawValue) }
        write(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)))
        if head.method != .HEAD { write(.body(.byteBuffer(body))) }
        endAnswer()
    }

    private static func answer(_ refusal: CallRefusal) -> Answer {
        Answer(status: refusal.status, body: refusal.body.json, fields: refusal.fields, code: refusal.code)
    }

    private var models: String {
        let entries = services.roster.models.map {
            "{\"id\":\(JSONString.encode($0)),\"object\":\"model\",\"created\":0,\"owned_by\":\"runner\"}"
        }
        return "{\"object\":\"list\",\"data\":[\(entries.joined(separator: ","))]}"
    }
}
