import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// The data plane's handler in a client's connection: claims the inference paths and passes everything else unchanged
/// to the control plane.
///
/// It follows the connection's handler, so it receives one request at a time. `InferenceCall` handles a request,
/// `InferenceState` decides about the connection, and `ClientOutput` frames the responses.
final class InferenceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Time for a client to send the rest of a refused request.
    private static let discardTimeout: TimeAmount = .seconds(5)

    private let services: DataPlaneServices
    /// Writes the responses of calls.
    let output: ClientOutput
    private var state = InferenceState<InferenceCall>()
    private var context: ChannelHandlerContext?
    private var discardTimer: Scheduled<Void>?
    private var callerCache = CallerCache()
    /// The peer's address, which may be a proxy's. First read when a call begins.
    private(set) lazy var peer = IPAddress(context?.channel.remoteAddress)
    /// Whether the client's channel is writable: false while too many written bytes wait to be sent.
    private(set) var isWritable = true

    init(services: DataPlaneServices, output: ClientOutput) {
        self.services = services
        self.output = output
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.handlerChanged(to: context)
        isWritable = context.channel.isWritable
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A call and this handler retain each other until the call ends.
        if state.call != nil { clientDisconnected() }
        self.context = nil
        output.handlerChanged(to: nil)
    }

    // MARK: Requests

    /// Handles requests from the pipeline: all requests in HTTP/2; in HTTP/1 those that `ClientConnection` does not pass
    /// directly.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): if !begin(head) { pass(head, context) }
        case .body(let bytes): if !receive(bytes) { context.fireChannelRead(data) }
        case .end: if !receiveEnd() { context.fireChannelRead(data) }
        }
    }

    /// - Returns: false for a control-plane request.
    func begin(_ head: HTTPRequestHead) -> Bool {
        guard let context else { return true }
        switch state.headReceived() {
        case .offer: break
        case .close:
            context.close(promise: nil)
            return true
        case .ignore: return true
        }
        // A preflight request is not a call.
        guard head.method != .OPTIONS, let path = InferencePath(head.uri) else { return false }
        let call = InferenceCall(head: head, path: path, services: services, connection: self, on: context.eventLoop)
        state.callBegan(call)
        call.begin()
        return true
    }

    /// Handles a piece of a body.
    /// - Returns: false for a control-plane request.
    @discardableResult
    func receive(_ bytes: ByteBuffer) -> Bool {
        switch state.bodyReceived(bytes.readableBytes) {
        case .pass: return false
        case .deliver(let call): call.receive(bytes)
        case .close: context?.close(promise: nil)
        case .ignore: break
        }
        return true
    }

    /// Handles the end of a request.
    /// - Returns: false for a control-plane request.
    @discardableResult
    func receiveEnd() -> Bool {
        switch state.endReceived() {
        case .pass: return false
        case .deliver(let call): call.receiveEnd()
        case .close: context?.close(promise: nil)
        case .ignore: break
        }
        return true
    }

    /// Passes a head to the control plane, which closes only after `Connection: close` in exactly this spelling;
    /// HTTP/1.0 implies it without the field.
    private func pass(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = head
        head.uri = RequestTarget(head.uri).uri
        state.headPassed(isLast: !head.connectionPersists, isHead: head.method == .HEAD)
        if state.responseIsLast { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where state.responseIsLast:
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body where state.dropsBody: promise?.succeed()
        default: context.write(data, promise: promise)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if state.readCompleted() { context.fireChannelReadComplete() }
    }

    func read(context: ChannelHandlerContext) {
        if state.readRequested(isHeldBack: holdsReads) { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        state.call?.writabilityChanged(isWritable: isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        clientDisconnected()
        discardTimer?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Events from the connection

    /// The client disconnected, or closed its sending side.
    /// - Returns: whether this concerned the data plane.
    @discardableResult
    func clientDisconnected() -> Bool {
        switch state.clientDisconnected() {
        case .pass: return false
        case .end(let call):
            call.clientClosed()
            context?.close(promise: nil)
        case .close: context?.close(promise: nil)
        case .ignore: break
        }
        return true
    }

    /// Whether a call is in progress.
    var isCalling: Bool { state.call != nil }

    /// The drain time is over: ends the call in progress.
    func drainExpired() {
        state.call?.drainExpired()
    }

    /// The body of the current request arrives too slowly.
    func bodyIsTooSlow() {
        state.call?.handle(.refused(.bodyIsTooSlow))
    }

    /// Whether the gateway holds back reads, so that the client cannot complete its request.
    var holdsReads: Bool {
        state.call.map { !$0.acceptsBody } ?? false
    }

    // MARK: Actions of InferenceCall

    /// The caller's share of the buffer memory, at this address.
    func memoryShare(of caller: CallerID, from address: Peer?) -> BufferShare {
        callerCache.memoryShare(of: caller, from: address, services.capacity.budget)
    }

    /// The first step of the checks of a call's credentials.
    func firstStep(authorization: String?, bareToken: String?) -> CredentialChecks.FirstStep {
        callerCache.firstStep(authorization: authorization, bareToken: bareToken, services.credentials)
    }

    /// Resumes reading after authentication.
    func resumeReading() {
        if state.readingResumed() { context?.read() }
    }

    /// Writes the end of a response.
    /// - Parameters:
    ///   - requestWasComplete: whether the whole request has been read.
    ///   - keepAlive: whether the response head promised to keep the connection open.
    func endResponse(requestWasComplete: Bool, keepAlive: Bool) {
        guard let context else { return }
        switch state.responseEnded(requestIsComplete: requestWasComplete, keepAlive: keepAlive) {
        case .keepOpen: output.writeEnd(isLast: false, promise: nil)
        case .closeWhenSent:
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.lastResponseSent() }
            output.writeEnd(isLast: true, promise: sent)
        }
        output.flush()
        resumeReading()
    }

    /// Ends a response that cannot be completed, so that the client does not mistake it for a complete one: closes the
    /// connection (in HTTP/2, resets the stream) before the stated length or the last chunk.
    func abortResponse() {
        state.responseAborted()
        context?.close(promise: nil)
    }

    /// Closes after the last response. Closing earlier would drop bytes that a slow client has not read yet.
    private func lastResponseSent() {
        guard let context else { return }
        switch state.lastResponseSent() {
        case .close: context.close(promise: nil)
        case .closeOutput:
            context.close(mode: .output, promise: nil)
            discardTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.discardTimeout) {
                [weak self] in self?.context?.close(promise: nil)
            }
        }
    }
}
