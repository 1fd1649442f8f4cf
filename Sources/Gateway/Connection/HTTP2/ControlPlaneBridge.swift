import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Connects an HTTP/2 stream to the control plane if its request belongs there; most streams do not need it.
///
/// Buffers the parts that the data plane passes on, requests a control-plane task, and forwards the parts once the task
/// is attached.
final class ControlPlaneBridge: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Nothing has been passed on.
        case unused
        /// The control plane has been requested; at most one flow-control window arrives before it is attached.
        case buffering([HTTPServerRequestPart], readIsPending: Bool)
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
            state = .buffering([unwrapInboundIn(data)], readIsPending: false)
            onRequest(context.channel)
        case .buffering(var parts, let readIsPending):
            parts.append(unwrapInboundIn(data))
            state = .buffering(parts, readIsPending: readIsPending)
        case .open: context.fireChannelRead(data)
        }
    }

    func read(context: ChannelHandlerContext) {
        if case .buffering(let parts, _) = state {
            state = .buffering(parts, readIsPending: true)
        } else {
            context.read()
        }
    }

    /// Before the control plane is attached, no later handler would end the stream.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .open = state { context.fireErrorCaught(error) } else { context.close(promise: nil) }
    }

    private func open() {
        guard case .buffering(let parts, let readIsPending) = state, let context else { return }
        state = .open
        for part in parts { context.fireChannelRead(wrapInboundOut(part)) }
        context.fireChannelReadComplete()
        if readIsPending { context.read() }
    }
}
