import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Attaches the control plane to an HTTP/1 connection when its first control-plane request arrives.
///
/// Its handlers and its task cost as much memory as the rest of a connection, and most connections carry inference calls
/// only. The last handler of the pipeline until then.
final class ControlPlaneAttachment: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let isSecure: Bool
    private let logger: Logger
    /// Nil once it is completed.
    private var attached: EventLoopPromise<ControlConnection?>?

    /// - Parameter attached: succeeds with the attached connection, which has to be served, or the channel never ends; with
    ///   nil when the channel ends without one.
    init(isSecure: Bool, logger: Logger, attached: EventLoopPromise<ControlConnection?>) {
        self.isSecure = isSecure
        self.logger = logger
        self.attached = attached
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let attached else { return context.fireChannelRead(data) }
        self.attached = nil
        do {
            attached.succeed(try attach(to: context))
            context.fireChannelRead(data)
        } catch {
            attached.succeed(nil)
            context.close(promise: nil)
        }
    }

    private func attach(to context: ChannelHandlerContext) throws -> ControlConnection {
        try context.pipeline.syncOperations.addHandlers(
            HTTP1ToHTTPServerCodec(secure: isSecure), HTTPConnectionStateHandler(logger: logger))
        return try ControlConnection(
            wrappingChannelSynchronously: context.channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    /// A client that closes its sending side between requests is done; the control plane handles this once it is
    /// attached.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if attached != nil, event as? ChannelEvent == .inputClosed { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if attached != nil { context.close(promise: nil) } else { context.fireErrorCaught(error) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        attached?.succeed(nil)
        attached = nil
    }
}
