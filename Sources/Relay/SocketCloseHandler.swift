import NIOCore

/// The handler of a connection's pipeline that is next to the socket, before TLS: closing from here is immediate.
///
/// TLS would send its `close_notify` and then wait seconds for the peer's, which a generating engine does not send.
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
