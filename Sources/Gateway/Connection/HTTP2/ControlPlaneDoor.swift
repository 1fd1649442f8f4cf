import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The way from an HTTP/2 stream to the control plane, which most streams never take.
///
/// It holds what the data plane passes on, asks for the control plane to come, and opens when it is there.
final class ControlPlaneDoor: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Nothing has been passed on.
        case unused
        /// The control plane has been asked for; one window's worth at most comes before it is there.
        case holding([HTTPServerRequestPart], readIsHeld: Bool)
        case open
    }

    private let knock: @Sendable (any Channel) -> Void
    private var state = State.unused
    private var context: ChannelHandlerContext?

    /// - Parameter knock: told of the stream, once, when its request belongs to the control plane.
    init(knock: @escaping @Sendable (any Channel) -> Void) {
        self.knock = knock
    }

    /// Lets the control plane in. The connection that is returned has to be served, or the stream never ends.
    /// - Returns: nil when the stream is over already.
    static func open(on stream: any Channel) async throws -> ControlConnection? {
        try await stream.eventLoop.submit {
            guard stream.isActive else { return nil }
            let pipeline = stream.pipeline.syncOperations
            let door = try pipeline.handler(type: ControlPlaneDoor.self)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: true))
            let connection = try ControlConnection(
                wrappingChannelSynchronously: stream, configuration: .init(isOutboundHalfClosureEnabled: true))
            door.open()
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
            knock(context.channel)
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

    /// What cannot be translated, or comes from nowhere: nobody behind us would end the stream.
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
