import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// The data plane's handler in a client's connection: claims the inference paths and passes everything else unchanged
/// to the control plane.
///
/// It follows the connection's handler, so it receives one request at a time. `InferenceCall` handles a request; this
/// handler claims requests, discards the rest of a refused body, and keeps the connection alive or closes it.
final class InferenceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Mode {
        /// Between requests, or within a control-plane request.
        case passing
        case calling(InferenceCall)
        /// The client disconnected during a call, or the response was aborted; further input is ignored.
        case ended
        /// The response was complete before the request: the rest of the body is discarded, up to a limit.
        case discarding(bytesLeft: Int)
        /// The last response is being sent; further input is ignored.
        case closing
    }

    /// Maximum number of bytes of a refused body that are discarded before the connection is closed. Closing immediately
    /// would reset the connection, and the client's kernel would drop the response.
    private static let maxDiscardedBytes = 8 << 20
    private static let discardTimeout: TimeAmount = .seconds(5)

    private let services: DataPlaneServices
    /// Writes responses as bytes; nil in HTTP/2, where they are frames.
    private let socket: CoalescingWriter?
    /// The HTTP/1 connection, while this handler is in its pipeline.
    var client: ClientConnection?
    /// Whether the current response is sent in chunks.
    private var isChunked = false
    private var mode: Mode = .passing
    private var context: ChannelHandlerContext?
    private var discardTimer: Scheduled<Void>?
    /// Whether a requested read is held back until `resumeReading`.
    private var readIsHeld = false
    /// Whether the current control-plane request has `Connection: close`, or implies it (HTTP/1.0).
    private var passedRequestIsLast = false
    /// Whether a part was passed to the control plane since its last `channelReadComplete`.
    private var hasForwarded = false
    /// Whether the current control-plane request is a HEAD.
    private var passedRequestIsHead = false
    /// The latest token. A client usually sends the same `Authorization` with every request, and a comparison is
    /// cheaper than extracting the token again. The token's validity is checked every time.
    private var latestToken: String?

    /// - Parameter socket: the connection's writer, in HTTP/1.
    init(services: DataPlaneServices, socket: CoalescingWriter? = nil) {
        self.services = services
        self.socket = socket
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isWritable = context.channel.isWritable
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A call and this handler retain each other until the call ends.
        if case .calling = mode { clientDisconnected() }
        self.context = nil
    }

    // MARK: Requests

    /// Handles requests from the pipeline: all requests in HTTP/2; in HTTP/1 those that `ClientConnection` does not pass
    /// directly.
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

    /// - Returns: false for a control-plane request.
    func begin(_ head: HTTPRequestHead) -> Bool {
        guard let context else { return true }
        switch mode {
        case .passing: break
        case .calling, .discarding:
            context.close(promise: nil)
            return true
        case .ended, .closing: return true
        }
        // A preflight request is not a call. Nearly all clients send the path in its usual spelling.
        guard head.method != .OPTIONS,
            let endpoint = Endpoint(rawValue: head.uri) ?? Endpoint(rawValue: RequestTarget(head.uri).path)
        else { return false }
        let call = InferenceCall(
            head: head, endpoint: endpoint, services: services, connection: self, on: context.eventLoop)
        mode = .calling(call)
        call.begin()
        return true
    }

    /// Handles a piece of the body of a claimed request.
    func receive(_ bytes: ByteBuffer) {
        switch mode {
        case .calling(let call): call.receive(bytes)
        case .discarding(let left):
            mode = .discarding(bytesLeft: left - bytes.readableBytes)
            if left < bytes.readableBytes { context?.close(promise: nil) }
        case .passing, .ended, .closing: break
        }
    }

    func receiveEnd() {
        switch mode {
        case .calling(let call): call.receiveEnd()
        case .discarding: context?.close(promise: nil)
        case .passing, .ended, .closing: break
        }
    }

    private func pass(_ data: NIOAny, _ context: ChannelHandlerContext) {
        hasForwarded = true
        context.fireChannelRead(data)
    }

    /// Passes a head to the control plane, which closes only after `Connection: close` in exactly this spelling;
    /// HTTP/1.0 implies it without the field.
    private func pass(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        head.uri = RequestTarget(head.uri).uri
        passedRequestIsLast = !head.isKeepAlive
        passedRequestIsHead = head.method == .HEAD
        if passedRequestIsLast { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        pass(wrapInboundOut(.head(head)), context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where passedRequestIsLast:
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        // The client would mistake these bytes for its next response (RFC 9110 §9.3.2).
        case .body where passedRequestIsHead: promise?.succeed()
        default: context.write(data, promise: promise)
        }
    }

    /// The control plane is notified of the end of a read only if a part was passed to it.
    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasForwarded else { return }
        hasForwarded = false
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
        clientDisconnected()
        discardTimer?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Events from the connection

    /// The client sent FIN or RST, which ends an inference call: TCP cannot distinguish a half-close from a disconnect.
    /// - Returns: whether it concerned an inference call; a control-plane request may survive a half-close.
    @discardableResult
    func clientDisconnected() -> Bool {
        switch mode {
        case .passing, .ended: return false
        case .calling(let call):
            mode = .ended
            call.clientClosed()
            context?.close(promise: nil)
        case .discarding: context?.close(promise: nil)
        case .closing: break  // the response is complete; the client may still read it
        }
        return true
    }

    /// The drain time is over.
    /// - Returns: false if no call is in progress.
    func drainExpired() -> Bool {
        guard case .calling(let call) = mode else { return false }
        call.drainExpired()
        return true
    }

    /// The body of the current request arrives too slowly.
    /// - Returns: whether it belongs to an inference call, which then responds with an error.
    func bodyIsTooSlow() -> Bool {
        guard case .calling(let call) = mode else { return false }
        call.handle(.refused(.bodyIsTooSlow))
        return true
    }

    /// Whether the gateway holds back reads, so that the client cannot complete its request.
    var holdsReads: Bool {
        if case .calling(let call) = mode { !call.acceptsBody } else { false }
    }

    // MARK: Actions of InferenceCall

    /// The peer's address, which may be a proxy's. First read when a call begins.
    private(set) lazy var peer = IPAddress(context?.channel.remoteAddress)

    /// The caller's share of the buffer memory, at this address. Cached for the next call, which usually has the same
    /// caller.
    func memoryShare(of caller: CallerID, from address: Peer?) -> BufferShare {
        if let memoryShare, memoryShare.caller == caller, memoryShare.address == address { return memoryShare.share }
        let share = services.budget.share(for: caller, from: address)
        memoryShare = (caller, address, share)
        return share
    }

    private var memoryShare: (caller: CallerID, address: Peer?, share: BufferShare)?

    /// Whether the client's channel is writable: false while too many written bytes wait to be sent.
    private(set) var isWritable = true

    /// The bearer token of an `Authorization` value; nil for another scheme or none.
    func token(in authorization: String?) -> String? {
        guard let authorization else { return nil }
        if let latestToken, Bearer.isToken(latestToken, of: authorization) { return latestToken }
        guard let token = Bearer.token(in: authorization) else { return nil }
        latestToken = token
        return token
    }

    /// Sends `100 Continue` to a client that waits for it.
    func writeContinue(_ version: HTTPVersion) {
        let head = HTTPResponseHead(version: version, status: .continue)
        if socket != nil { if let openSocket { openSocket.write(head, isChunked: false) } } else { write(.head(head)) }
        flush()
    }

    /// Writes a response except for its end.
    /// - Parameter promise: succeeds when the body has been sent.
    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        isChunked = false
        guard socket != nil else {
            write(.head(head))
            guard document.readableBytes > 0 || promise != nil else { return }
            return write(.body(.byteBuffer(document)), promise: promise)
        }
        guard let openSocket else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        client?.responseBegins(isLast: !head.isKeepAlive)
        openSocket.write(head, isChunked: false)
        openSocket.write(document, promise: promise)
    }

    /// Writes the head of a response whose length is not known yet.
    func write(streamHead head: HTTPResponseHead) {
        guard socket != nil else { return write(.head(head)) }
        isChunked = head.version == .http1_1
        guard let openSocket else { return }
        client?.responseBegins(isLast: !head.isKeepAlive)
        openSocket.write(head, isChunked: isChunked)
    }

    /// Writes a piece of a response that began with `write(streamHead:)`.
    func write(piece: ByteBuffer) {
        if isChunked {
            openSocket?.write(chunk: piece)
        } else if socket != nil {
            openSocket?.write(piece, promise: nil)
        } else {
            write(.body(.byteBuffer(piece)))
        }
    }

    /// Completes the promise when everything written so far has been sent.
    func completeWhenSent(_ promise: EventLoopPromise<Void>) {
        // An empty write: its promise succeeds after all earlier bytes.
        guard socket != nil else { return write(.body(.byteBuffer(ByteBuffer())), promise: promise) }
        guard let openSocket else { return promise.fail(ChannelError.outputClosed) }
        openSocket.write(ByteBuffer(), promise: promise)
    }

    func flush() {
        if let socket { socket.flush() } else { context?.flush() }
    }

    /// The socket; nil once nothing more may be written to it.
    private var openSocket: CoalescingWriter? {
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

    /// Resumes reading after authentication.
    func resumeReading() {
        guard readIsHeld else { return }
        readIsHeld = false
        context?.read()
    }

    /// Writes the end of a response.
    /// - Parameters:
    ///   - requestWasComplete: whether the whole request has been read.
    ///   - keepAlive: whether the response head promised to keep the connection open.
    func endResponse(requestWasComplete: Bool, keepAlive: Bool) {
        guard let context else { return }
        // Before the end is written: the next request may already have arrived, and be read during the write.
        mode = !requestWasComplete ? .discarding(bytesLeft: Self.maxDiscardedBytes) : keepAlive ? .passing : .closing
        var written: EventLoopPromise<Void>?
        if !isPassing {
            written = context.eventLoop.makePromise(of: Void.self)
            written?.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.lastResponseWritten() }
        }
        writeEnd(promise: written)
        flush()
        resumeReading()
    }

    /// Ends a response that cannot be completed, so that the client does not mistake it for a complete one: closes the
    /// connection (in HTTP/2, resets the stream) before the stated length or the last chunk.
    func abortResponse() {
        mode = .ended
        context?.close(promise: nil)
    }

    private func writeEnd(promise: EventLoopPromise<Void>?) {
        guard socket != nil else { return write(.end(nil), promise: promise) }
        guard let openSocket else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        if isChunked {
            isChunked = false
            openSocket.write(Self.lastChunk, promise: promise)
        } else if let promise {
            completeWhenSent(promise)
        }
        client?.responseIsComplete(isLast: !isPassing)
    }

    /// The last chunk (RFC 9112 §7.1).
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    /// Closes after the last response. Closing earlier would drop bytes that a slow client has not read yet.
    private func lastResponseWritten() {
        guard let context else { return }
        guard case .discarding = mode else { return context.close(promise: nil) }
        // Shows the client that the response has ended; it may still send the rest of its request.
        context.close(mode: .output, promise: nil)
        discardTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardTimeout) {
            [weak self] in self?.context?.close(promise: nil)
        }
    }
}
