import DataPlane
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Requests of one HTTP/1 connection or one HTTP/2 stream, as the control plane receives them.
typealias ControlConnection = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

/// A client's connection: both planes in one pipeline. `ClientPipeline` adds the data plane's handlers; here follow
/// `ControlPlaneAttachment` and, from the first request of the control plane on, Hummingbird, which serves it.
struct GatewayChannel: HTTPChannelHandler {
    /// The control plane once it is attached; nil if the channel ended without.
    typealias Attached = EventLoopFuture<ControlConnection?>

    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let negotiated: EventLoopFuture<ClientProtocol<Attached>>
    }

    let responder: HTTPChannelHandler.Responder
    let pipeline: ClientPipeline

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        pipeline.setUp(on: channel) { isSecure in
            let attached = channel.eventLoop.makePromise(of: ControlConnection?.self)
            let attachment = ControlPlaneAttachment(isSecure: isSecure, logger: logger, attached: attached)
            do {
                try channel.pipeline.syncOperations.addHandler(attachment)
            } catch {
                attached.succeed(nil)
                throw error
            }
            return attached.futureResult
        }
        .map { Value(channel: channel, negotiated: $0) }
    }

    func handle(value: Value, logger: Logger) async {
        switch try? await value.negotiated.get() {
        case .http1(let attached): await serve(attached, of: value.channel, logger)
        case .http2(let streams): await serve(streams, of: value.channel, logger)
        case nil: break  // the handshake failed
        }
    }

    private static func connection(on channel: any Channel) throws -> ControlConnection {
        try ControlConnection(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    private func serve(_ attached: Attached, of channel: any Channel, _ logger: Logger) async {
        let connection = await withTaskCancellationHandler {
            try? await attached.get()
        } onCancel: {
            // Ends a call, and the channel with it.
            channel.close(mode: .input, promise: nil)
        }
        guard let connection = connection ?? nil else { return }
        await handleHTTP(asyncChannel: connection, logger: logger)
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
