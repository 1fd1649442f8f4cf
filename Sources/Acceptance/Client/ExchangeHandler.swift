import NIOCore
import NIOHTTP1
import NIOTLS

/// Sends one request on a new connection and records the time of each step.
///
/// Runs on its connection's event loop and completes its promise exactly once; the owner of the promise then closes the
/// channel.
final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let deployment: DeploymentAddress
    private let maxBodySize: Int
    private let timeout: Duration
    private let promise: EventLoopPromise<Exchange>
    /// Receives the body as it arrives.
    private let onBody: (@Sendable ([UInt8]) -> Void)?
    private var exchange: Exchange
    private var isFinished = false
    private var timer: Scheduled<Void>?

    init(
        exchange: Exchange, deployment: DeploymentAddress, timeout: Duration, maxBodySize: Int,
        onBody: (@Sendable ([UInt8]) -> Void)?, promise: EventLoopPromise<Exchange>
    ) {
        self.exchange = exchange
        self.deployment = deployment
        self.timeout = timeout
        self.maxBodySize = maxBodySize
        self.onBody = onBody
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let elapsed = ContinuousClock.now - exchange.started
        let remaining = max(timeout - elapsed, .milliseconds(1))
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(remaining)) { loopBound.value.timeOut() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelActive(context: ChannelHandlerContext) {
        exchange.connected = .now
        if !deployment.usesTLS { send(context) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            exchange.secured = .now
            send(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            exchange.head = .now
            exchange.status = Int(head.status.code)
            exchange.headers = head.headers.map { (name: $0.name, value: $0.value) }
        case .body(let buffer):
            exchange.body.append(contentsOf: buffer.readableBytesView.prefix(maxBodySize - exchange.body.count))
            exchange.arrivals.append(.init(at: .now, length: exchange.body.count))
            onBody?(Array(buffer.readableBytesView))
            if exchange.body.count >= maxBodySize { finish(.tooLong) }
        case .end:
            finish(.clean)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if exchange.head != nil {
            finish(.broken("the connection was closed in the middle of the response"))
        } else {
            fail(.closedWithoutResponse(authority: deployment.authority))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if exchange.head != nil {
            finish(.broken("\(ClientFailure(error, deployment: deployment))"))
        } else {
            fail(ClientFailure(error, deployment: deployment))
        }
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext) {
        guard exchange.sent == nil else { return }
        let request = exchange.request
        var headers = HTTPHeaders([
            ("host", deployment.authority),
            ("user-agent", "simpleai-test"),
            ("accept", request.accept ?? (request.wantsStream ? "text/event-stream" : "application/json")),
            ("accept-encoding", "identity"),
            ("connection", "close"),
        ])
        if let authorization = request.credential.authorization {
            headers.add(name: request.credential.field.lowercased(), value: authorization)
        }
        for field in request.headers { headers.add(name: field.name, value: field.value) }
        if let body = request.body {
            headers.add(name: "content-type", value: request.contentType)
            headers.add(name: "content-length", value: "\(body.count)")
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: .init(rawValue: request.method), uri: deployment.basePath + request.path,
            headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body = request.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        exchange.sent = .now
    }

    private func timeOut() {
        fail(.timedOut(after: timeout, seen: progress))
    }

    /// The progress of the response, for a timeout message.
    private var progress: String {
        if let head = exchange.head {
            return "status \(exchange.status) after \((head - exchange.started).readable), "
                + "then \(exchange.body.count) bytes"
        }
        if exchange.sent != nil { return "sent to \(deployment.authority), no response" }
        return exchange.connected == nil
            ? "not connected to \(deployment.authority)"
            : "connected to \(deployment.authority), TLS handshake unfinished"
    }

    private func finish(_ ending: Exchange.Ending) {
        guard !isFinished else { return }
        isFinished = true
        timer?.cancel()
        exchange.ending = ending
        exchange.done = .now
        promise.succeed(exchange)
    }

    private func fail(_ failure: ClientFailure) {
        guard !isFinished else { return }
        isFinished = true
        timer?.cancel()
        // Whether the socket or TLS reports the closed connection first is a race.
        if case .closedWithoutResponse(let authority) = failure, deployment.usesTLS, exchange.secured == nil {
            return promise.fail(ClientFailure.closedDuringHandshake(authority: authority))
        }
        promise.fail(failure)
    }
}
