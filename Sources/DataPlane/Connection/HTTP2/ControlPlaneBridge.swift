package import NIOCore
package import NIOHTTP1

/// Connects an HTTP/2 stream to the control plane if its request belongs there; most streams do not need it.
///
/// Buffers the parts that the data plane passes on, requests a control-plane task, and forwards the parts once the task
/// is attached.
package final class ControlPlaneBridge: ChannelDuplexHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias InboundOut = HTTPServerRequestPart
    package typealias OutboundIn = HTTPServerResponsePart
    package typealias OutboundOut = HTTPServerResponsePart

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

    /// Attaches the control plane. What `add` returns has to be served, or the stream never ends.
    /// - Parameter add: adds the control plane's handlers behind this one.
    /// - Returns: nil if the stream has already ended.
    package static func attach<Control: Sendable>(
        to stream: any Channel, _ add: @escaping @Sendable () throws -> Control
    ) async throws -> Control? {
        try await stream.eventLoop.submit {
            guard stream.isActive else { return nil }
            let bridge = try stream.pipeline.syncOperations.handler(type: ControlPlaneBridge.self)
            let control = try add()
            bridge.open()
            return control
        }.get()
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
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

    package func read(context: ChannelHandlerContext) {
        if case .buffering(let parts, _) = state {
            state = .buffering(parts, readIsPending: true)
        } else {
            context.read()
        }
    }

    /// Before the control plane is attached, no later handler would end the stream.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
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
