import NIOCore

/// A handler between the socket and TLS, through which a connection is closed immediately.
///
/// The TLS handler would send `close_notify` and then wait seconds for the peer's, which a generating engine does not send.
final class SocketCloseHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func close() {
        context?.close(promise: nil)
    }
}
