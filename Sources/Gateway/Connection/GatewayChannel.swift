import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Relay
import Settings
import SimpleAICore

/// A client's connection: both planes in one pipeline.
///
/// `TickedFlush` → `StrictRequests` → HTTP codec → `ConnectionGuard` → pipelining → `ProtocolErrors` → `ServerUpgrade` (for
/// runner agents) → `InferenceHandler` (the data plane) → `HTTP1ToHTTPServerCodec` → Hummingbird (the control plane).
struct GatewayChannel: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let gateway: GatewayServices

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let server = gateway.settings.server
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = server.maxHeaders.bytes
            limits.maxHeaderListSize = server.maxHeaders.bytes
            let inference = InferenceHandler(gateway: gateway)
            let pipeline = channel.pipeline.syncOperations
            let http: [any RemovableChannelHandler] = [
                TickedFlush(gateway.pools.pool(on: channel.eventLoop).flushes),
                HTTPResponseEncoder(),
                StrictRequests(maxHead: server.maxHeaders.bytes),
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)),
                ConnectionGuard(
                    inference: inference, idleTimeout: TimeAmount(server.idleTimeout), drain: TimeAmount(server.drain)),
                HTTPServerPipelineHandler(),
                ProtocolErrors(),
            ]
            try pipeline.addHandlers(http)
            try pipeline.addHandlers(
                gateway.agents.upgrade(replacing: http),
                inference,
                HTTP1ToHTTPServerCodec(secure: false),
                HTTPConnectionStateHandler(logger: logger))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
