import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// The data plane's place in a client's connection: claims the inference paths and passes everything else through
/// untouched to the control plane.
///
/// It stands behind the pipeline handler, so it sees one request at a time. What a request does is `InferenceCall`'s
/// business; this handler owns what belongs to the connection: claiming, discarding what a refused client still sends,
/// keeping alive and closing.
final class InferenceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Mode {
        /// Between requests, or inside one that belongs to the control plane.
        case passing
        case calling(InferenceCall)
        /// The client has left in the middle of a call; what was already read of it belongs to nobody.
        case gone
        /// A refusal has gone out before the body was complete: what still comes is thrown away, for a while.
        case discarding(bytesLeft: Int)
        /// The last response is on its way out; nothing that comes now is looked at.
        case closing
    }

    /// How much of a refused body is read before the connection is cut, and for how long: closing at once would make
    /// the client's kernel throw our answer away together with the unread rest.
    private static let discardedBytes = 8 << 20
    private static let discardingTime: TimeAmount = .seconds(5)

    private let gateway: GatewayServices
    /// Where responses are written as bytes; nil in HTTP/2, where they are frames.
    private let socket: TickedFlush?
    /// The connection in HTTP/1, as long as this handler belongs to it.
    var client: ClientConnection?
    /// The response under way is sent in chunks.
    private var isChunked = false
    private var mode: Mode = .passing
    private var context: ChannelHandlerContext?
    private var closesAfterDiscarding: Scheduled<Void>?
    /// A read that has to wait until credentials have been checked.
    private var readIsHeld = false
    /// The control-plane request under way is the last one that its client wants on this connection.
    private var passesLastRequest = false
    /// Whether the control plane got something since it last heard of the end of a read.
    private var hasPassedOn = false
    /// The control-plane request under way is a HEAD.
    private var passesHead = false
    /// The latest `Authorization` and the token in it. A connection mostly says the same one with every request, and
    /// comparing is cheaper than cutting the token out again. Whether it is still good is asked every time.
    private var latestCredentials: (authorization: String, token: String)?

    /// - Parameter socket: the connection's own, in HTTP/1.
    init(gateway: GatewayServices, socket: TickedFlush? = nil) {
        self.gateway = gateway
        self.socket = socket
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isWritable = context.channel.isWritable
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A call and this handler hold each other until the call ends.
        if case .calling = mode { clientHasGone() }
        self.context = nil
    }

    // MARK: Requests

    /// Requests through the pipeline: all of them in HTTP/2, in HTTP/1 those that may belong to somebody else.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): if !begin(head) { pass(head, context) }
        case .body(let bytes): if isPassing { pass(data, context) } else { receive(bytes) }
        case .end: if isPassing { pass(data, context) } else { receiveEnd() }
        }
    }

    private var isPassing: Bool {
        if case .passing = mode { true } else { false }
    }

    /// - Returns: false for a request of the control plane.
    func begin(_ head: HTTPRequestHead) -> Bool {
        guard let context else { return true }
        switch mode {
        case .passing: break
        case .calling, .discarding:
            context.close(promise: nil)
            return true
        case .gone, .closing: return true
        }
        // What browsers ask before they let a page call is a question, and no call. Hardly any path has another spelling.
        guard head.method != .OPTIONS,
            let endpoint = Endpoint(rawValue: head.uri) ?? Endpoint(rawValue: RequestTarget(head.uri).path)
        else { return false }
        let call = InferenceCall(
            head: head, endpoint: endpoint, gateway: gateway, connection: self, on: context.eventLoop)
        mode = .calling(call)
        call.begin()
        return true
    }

    /// A piece of the body of a request that has begun here.
    func receive(_ bytes: ByteBuffer) {
        switch mode {
        case .calling(let call): call.receive(bytes)
        case .discarding(let left):
            mode = .discarding(bytesLeft: left - bytes.readableBytes)
            if left < bytes.readableBytes { context?.close(promise: nil) }
        case .passing, .gone, .closing: break
        }
    }

    func receiveEnd() {
        switch mode {
        case .calling(let call): call.receiveEnd()
        case .discarding: context?.close(promise: nil)
        case .passing, .gone, .closing: break
        }
    }

    private func pass(_ data: NIOAny, _ context: ChannelHandlerContext) {
        hasPassedOn = true
        context.fireChannelRead(data)
    }

    /// The control plane closes after `Connection: close` in this very spelling; HTTP/1.0 means the same without a word.
    private func pass(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        head.uri = RequestTarget(head.uri).uri
        passesLastRequest = !head.isKeepAlive
        passesHead = head.method == .HEAD
        if passesLastRequest { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        pass(wrapInboundOut(.head(head)), context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where passesLastRequest:
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        // To the client these bytes would be its next response (RFC 9110 §9.3.2).
        case .body where passesHead: promise?.succeed()
        default: context.write(data, promise: promise)
        }
    }

    /// The control plane hears of the end of a read only when it got some of it.
    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasPassedOn else { return }
        hasPassedOn = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if holdsReads { readIsHeld = true } else { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if case .calling(let call) = mode { call.writabilityChanged(isWritable: isWritable) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        clientHasGone()
        closesAfterDiscarding?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Told by those who watch over the connection

    /// FIN or RST. For an inference call that is the end: TCP cannot tell a half-close from leaving.
    /// - Returns: whether it concerned an inference call; a control-plane request may live with a half-close.
    @discardableResult
    func clientHasGone() -> Bool {
        switch mode {
        case .passing, .gone: return false
        case .calling(let call):
            mode = .gone
            call.clientClosed()
            context?.close(promise: nil)
        case .discarding: context?.close(promise: nil)
        case .closing: break  // the answer is complete; it may still be read
        }
        return true
    }

    /// The time for open calls is over.
    /// - Returns: false when there is no call that could end by itself.
    func drainExpired() -> Bool {
        guard case .calling(let call) = mode else { return false }
        call.drainExpired()
        return true
    }

    /// The request that is being read arrives too slowly to be waited for.
    /// - Returns: whether it belongs to an inference call, which is answered.
    func bodyIsTooSlow() -> Bool {
        guard case .calling(let call) = mode else { return false }
        call.handle(.refused(.bodyIsTooSlow))
        return true
    }

    /// The client cannot send its request to the end, because it is we who do not read.
    var holdsReads: Bool {
        if case .calling(let call) = mode { !call.acceptsBody } else { false }
    }

    // MARK: Told by InferenceCall

    /// The other end, which may be a proxy; stays the same as long as there is a connection. Asked first when a call
    /// begins.
    private(set) lazy var peer = IPAddress(context?.channel.remoteAddress)

    /// The share of the memory that all calls have together which a caller has from here. Kept for the next call: mostly it
    /// is the same caller's.
    func memoryShare(of caller: CallerID, from address: Peer?) -> BufferShare {
        if let memoryShare, memoryShare.caller == caller, memoryShare.address == address { return memoryShare.share }
        let share = gateway.budget.share(for: caller, from: address)
        memoryShare = (caller, address, share)
        return share
    }

    private var memoryShare: (caller: CallerID, address: Peer?, share: BufferShare)?

    /// Whether the client takes what is written for it.
    private(set) var isWritable = true

    /// The bearer token of an `Authorization` value; nil for another scheme or none.
    func token(in authorization: String?) -> String? {
        guard let authorization else { return nil }
        // Of equal length, too: to a comparison of characters a Kelvin sign is a K.
        if let latestCredentials, latestCredentials.authorization.utf8.count == authorization.utf8.count,
            latestCredentials.authorization == authorization
        {
            return latestCredentials.token
        }
        guard let token = Bearer.token(in: authorization) else { return nil }
        latestCredentials = (authorization, token)
        return token
    }

    /// Tells a client that waits for it that it may send the body.
    func writeContinue(_ version: HTTPVersion) {
        let head = HTTPResponseHead(version: version, status: .continue)
        if socket != nil { if let open { open.write(head, isChunked: false) } } else { write(.head(head)) }
        flush()
    }

    /// Writes a response but for its end.
    /// - Parameter promise: for when the body has gone out.
    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        isChunked = false
        guard socket != nil else {
            write(.head(head))
            guard document.readableBytes > 0 || promise != nil else { return }
            return write(.body(.byteBuffer(document)), promise: promise)
        }
        guard let open else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        client?.responseBegins(isLast: !head.isKeepAlive)
        open.write(head, isChunked: false)
        open.write(document, promise: promise)
    }

    /// Writes the head of a response of which only its last part will tell how long it is.
    func write(streamHead head: HTTPResponseHead) {
        guard socket != nil else { return write(.head(head)) }
        isChunked = head.version == .http1_1
        guard let open else { return }
        client?.responseBegins(isLast: !head.isKeepAlive)
        open.write(head, isChunked: isChunked)
    }

    /// A piece of such a response.
    func write(piece: ByteBuffer) {
        if isChunked {
            open?.write(chunk: piece)
        } else if socket != nil {
            open?.write(piece, promise: nil)
        } else {
            write(.body(.byteBuffer(piece)))
        }
    }

    /// Asks to be told when what has been written so far has gone out.
    func mark(_ promise: EventLoopPromise<Void>) {
        // Of no bytes: it goes out behind the others.
        guard socket != nil else { return write(.body(.byteBuffer(ByteBuffer())), promise: promise) }
        guard let open else { return promise.fail(ChannelError.outputClosed) }
        open.write(ByteBuffer(), promise: promise)
    }

    func flush() {
        if let socket { socket.flush() } else { context?.flush() }
    }

    /// The socket, as long as what is written there is still part of an answer.
    private var open: TickedFlush? {
        guard let client, client.isOpen else { return nil }
        return socket
    }

    private func write(_ part: HTTPServerResponsePart, promise: EventLoopPromise<Void>? = nil) {
        var part = part
        if case .head(let head) = part { part = .head(head.neutralized) }
        guard let context else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        context.write(wrapOutboundOut(part), promise: promise)
    }

    /// The credentials are good: what was held back may come.
    func resumeReading() {
        guard readIsHeld else { return }
        readIsHeld = false
        context?.read()
    }

    /// Writes the end of a response.
    /// - Parameters:
    ///   - requestWasComplete: whether the whole request has been read.
    ///   - keepAlive: whether the response head promised to keep the connection.
    func endResponse(requestWasComplete: Bool, keepAlive: Bool) {
        guard let context else { return }
        // Before the end is written: the next request may be there already, and come while that is being done.
        mode = !requestWasComplete ? .discarding(bytesLeft: Self.discardedBytes) : keepAlive ? .passing : .closing
        var written: EventLoopPromise<Void>?
        if !isPassing {
            written = context.eventLoop.makePromise(of: Void.self)
            written?.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.lastResponseIsOut() }
        }
        writeEnd(promise: written)
        flush()
        resumeReading()
    }

    /// Ends a response that cannot be completed, so that the client cannot take it for a complete one: the connection
    /// closes (in HTTP/2, the stream is reset) before the length or the last chunk that was promised.
    func abortResponse() {
        mode = .gone
        context?.close(promise: nil)
    }

    private func writeEnd(promise: EventLoopPromise<Void>?) {
        guard socket != nil else { return write(.end(nil), promise: promise) }
        guard let open else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        if isChunked {
            isChunked = false
            open.write(Self.lastChunk, promise: promise)
        } else if let promise {
            mark(promise)
        }
        client?.responseIsComplete(isLast: !isPassing)
    }

    /// RFC 9112 §7.1.
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    /// Closing earlier would cut off what a slow client has not read yet.
    private func lastResponseIsOut() {
        guard let context else { return }
        guard case .discarding = mode else { return context.close(promise: nil) }
        // The client learns that this was all, and may still say the rest of its request.
        context.close(mode: .output, promise: nil)
        closesAfterDiscarding = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardingTime) {
            [weak self] in self?.context?.close(promise: nil)
        }
    }
}
