import NIOCore
import NIOHTTP2
import Relay
import Settings
import SimpleAICore

/// A client's HTTP/2 connection (RFC 9113), after TLS:
///
/// `CoalescingWriter` → `NIOHTTP2Handler` → `HTTP2ConnectionGuard` → connection management; and in every stream
/// `StreamRules` → `HTTP2FramePayloadToHTTP1ServerCodec` → `StreamGuard` → `InferenceHandler` (the data plane) →
/// `ControlPlaneBridge`.
///
/// A stream carries one request, so both planes treat it as a connection with a single request. Only control-plane
/// requests need a task; the data plane runs on the event loop, as in HTTP/1.
enum HTTP2Connection {
    /// Maximum number of concurrent streams of one connection; a client with more calls has to wait or open another
    /// connection.
    static let maxStreams = 100

    /// - Returns: the streams whose requests belong to the control plane.
    static func setUp(
        on channel: any Channel, _ services: DataPlaneServices, _ rules: DataPlaneRules, _ entry: ClientConnectionEntry?
    ) throws -> AsyncStream<any Channel> {
        let server = rules.settings.server
        let eventLoop = channel.eventLoop
        let (streams, onRequest) = AsyncStream.makeStream(of: (any Channel).self)
        channel.closeFuture.whenComplete { _ in onRequest.finish() }

        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: eventLoop,
            configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: nil, keepalive: nil))
        let connectionGuard = HTTP2ConnectionGuard(
            idleTimeout: TimeAmount(server.idleTimeout), drain: TimeAmount(server.drain), entry: entry,
            on: eventLoop)
        let streamCounter = StreamCountDelegate(
            connectionGuard: NIOLoopBound(connectionGuard, eventLoop: eventLoop),
            management: management.http2StreamDelegate)
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: eventLoop, connectionConfiguration: configuration(server),
            streamDelegate: streamCounter
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let inference = InferenceHandler(services: services, output: .http2(HTTP2ResponseOutput()))
                try stream.pipeline.syncOperations.addHandlers(
                    StreamRules(
                        maxHead: server.maxHeaders.bytes, isAdmitted: streamCounter.connectionGuard.value.admits(stream)
                    ),
                    HTTP2FramePayloadToHTTP1ServerCodec(),
                    StreamGuard(
                        inference: inference, idleTimeout: TimeAmount(server.idleTimeout),
                        drain: TimeAmount(server.drain),
                        drainDeadline: streamCounter.connectionGuard.value.drainDeadline, now: stream.eventLoop.now),
                    inference,
                    ControlPlaneBridge { onRequest.yield($0) })
            }
        }
        try channel.pipeline.syncOperations.addHandlers(
            CoalescingWriter(services.pools.pool(on: eventLoop).flusher, nextTo: .tls), handler, connectionGuard,
            management)
        return streams
    }

    /// The library's own flood limits apply: 200 resets, stream errors, or control frames (pings, settings, priorities)
    /// in 30 s end the connection, as do headers in more than six frames and data frames without data.
    private static func configuration(_ server: Settings.Server) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: maxStreams),
            // Larger header lists end the connection. For smaller ones beyond the limit, `StreamRules` responds with 431.
            HTTP2Setting(parameter: .maxHeaderListSize, value: server.maxHeaders.bytes * 2),
        ]
        return configuration
    }
}

/// Reports the start and end of each stream to the connection's handlers.
private struct StreamCountDelegate: NIOHTTP2StreamDelegate {
    let connectionGuard: NIOLoopBound<HTTP2ConnectionGuard>
    let management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        connectionGuard.value.streamBegan()
        management.streamCreated(id, channel: channel)
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        connectionGuard.value.streamEnded()
        management.streamClosed(id, channel: channel)
    }
}
