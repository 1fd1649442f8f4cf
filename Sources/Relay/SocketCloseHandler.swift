public import NIOCore

/// A handler between the socket and TLS, through which a connection is closed immediately.
///
/// The TLS handler would send `close_notify` and then wait seconds for the peer's, which a generating engine does not send.
public final class SocketCloseHandler: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    public init() {}

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    public func close() {
        context?.close(promise: nil)
    }
}
