import DataPlane
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Requests of one HTTP/1 connection or one HTTP/2 stream, as the control plane receives them.
typealias ControlConnection = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

/// A client's connection: both planes in one pipeline. `ClientPipeline` adds the data plane's handlers; here follow
/// `HTTP1ToHTTPServerCodec` and Hummingbird, which serves the control plane.
struct GatewayChannel: HTTPChannelHandler {
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let negotiated: EventLoopFuture<ClientProtocol<ControlConnection>>
    }

    let responder: HTTPChannelHandler.Responder
    let pipeline: ClientPipeline

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        pipeline.setUp(on: channel) { isSecure in
            try channel.pipeline.syncOperations.addHandlers(
                HTTP1ToHTTPServerCodec(secure: isSecure), HTTPConnectionStateHandler(logger: logger))
            return try Self.connection(on: channel)
        }
        .map { Value(channel: channel, negotiated: $0) }
    }

    func handle(value: Value, logger: Logger) async {
        switch try? await value.negotiated.get() {
        case .http1(let connection): await handleHTTP(asyncChannel: connection, logger: logger)
        case .http2(let streams): await serve(streams, of: value.channel, logger)
        case nil: break  // the handshake failed
        }
    }

    private static func connection(on channel: any Channel) throws -> ControlConnection {
        try ControlConnection(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    private func serve(_ streams: AsyncStream<any Channel>, of connection: any Channel, _ logger: Logger) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await stream in streams {
                    group.addTask {
                        let attached = try? await ControlPlaneBridge.attach(to: stream) {
                            try stream.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: true))
                            return try Self.connection(on: stream)
                        }
                        guard let attached else { return }
                        await handleHTTP(asyncChannel: attached, logger: logger)
                    }
                }
            }
        } onCancel: {
            connection.close(promise: nil)
        }
    }
}
