import NIOCore

/// The end of a connection's pipeline that is next to the socket, before TLS: from here it is closed at once.
///
/// TLS sends its goodbye and then waits seconds for the other side's, which an engine that is generating does not send,
/// and which nobody would read.
final class SocketEnd: ChannelInboundHandler {
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
