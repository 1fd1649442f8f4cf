import NIOCore
import Relay

/// Bodies that end with their connection, which HTTP/1.0 needs for a length that is not known beforehand. Only a reset shows
/// the client that such a body was truncated (RFC 9112 §8): until it is sent, the connection ends with a reset, whatever ends
/// it.
extension ClientConnection {
    /// The head of a response with such a body was written.
    func bodyBeganWithoutFraming() {
        bodyLacksFraming = true
        context?.channel.setResetsOnClose(true)
    }

    /// The body has been written completely.
    /// - Returns: a promise to complete when it has been sent; completes `promise`.
    func bodyEndedWithoutFraming(_ promise: EventLoopPromise<Void>?) -> EventLoopPromise<Void>? {
        guard let context else { return promise }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { [self] in
            bodyLacksFraming = false
            self.context?.channel.setResetsOnClose(false)
        }
        sent.futureResult.cascade(to: promise)
        return sent
    }

    /// Closes the connection.
    func close() {
        if let context { close(context: context, mode: .all, promise: nil) }
    }

    /// With TLS, a truncated body must not be followed by `close_notify`, which would state its end.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, bodyLacksFraming, let socketBelowTLS else {
            return context.close(mode: mode, promise: promise)
        }
        socketBelowTLS.close()
        promise?.succeed()
    }
}
