import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Bridges an HTTP/2 stream to the control plane, which most streams do not need.
///
/// Buffers the parts that the data plane passes on, requests a control-plane task, and forwards the parts once it is
/// attached.
final class ControlPlaneBridge: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Nothing has been passed on.
        case unused
        /// The control plane has been requested; at most one flow-control window arrives before it is attached.
        case holding([HTTPServerRequestPart], readIsHeld: Bool)
        case open
    }

    private let onRequest: @Sendable (any Channel) -> Void
    private var state = State.unused
    private var context: ChannelHandlerContext?

    /// - Parameter onRequest: called once with the stream when its request belongs to the control plane.
    init(onRequest: @escaping @Sendable (any Channel) -> Void) {
        self.onRequest = onRequest
    }

    /// Attaches the control plane. The returned connection has to be served, or the stream never ends.
    /// - Returns: nil if the stream has already ended.
    static func open(on stream: any Channel) async throws -> ControlConnection? {
        try await stream.eventLoop.submit {
            guard stream.isActive else { return nil }
            let pipeline = stream.pipeline.syncOperations
            let bridge = try pipeline.handler(type: ControlPlaneBridge.self)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: true))
            let connection = try ControlConnection(
                wrappingChannelSynchronously: stream, configuration: .init(isOutboundHalfClosureEnabled: true))
            bridge.open()
            return connection
        }.get()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .unused:
            state = .holding([unwrapInboundIn(data)], readIsHeld: false)
            onRequest(context.channel)
        case .holding(var parts, let readIsHeld):
            parts.append(unwrapInboundIn(data))
            state = .holding(parts, readIsHeld: readIsHeld)
        case .open: context.fireChannelRead(data)
        }
    }

    func read(context: ChannelHandlerContext) {
        if case .holding(let parts, _) = state {
            state = .holding(parts, readIsHeld: true)
        } else {
            context.read()
        }
    }

    /// A translation error, or an error of unknown origin: no later handler would end the stream.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .open = state { context.fireErrorCaught(error) } else { context.close(promise: nil) }
    }

    private func open() {
        guard case .holding(let parts, let readIsHeld) = state, let context else { return }
        state = .open
        for part in parts { context.fireChannelRead(wrapInboundOut(part)) }
        context.fireChannelReadComplete()
        if readIsHeld { context.read() }
    }
}
