import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore
import Testing

@testable import DataPlane

/// Services of a data plane without runners and without authentication, for handlers on an embedded event loop.
func makeServices() throws -> DataPlaneServices {
    var settings = Settings()
    settings.auth.mode = .none
    let admissions = AdmissionMetrics()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return DataPlaneServices(
        rules: try DataPlaneRules(settings, AccessRules(settings)), maxConnections: 100,
        credentials: CredentialChecks(
            verifier: nil, throttle: AuthenticationThrottle(perMinute: 600, metrics: admissions)),
        scheduler: Scheduler(SchedulerState()), upstreams: UpstreamDirectory(), pools: UpstreamPools(),
        limiter: CallLimiter(), budget: BufferBudget(limit: 1 << 20),
        spool: SpoolFiles(directory: "/tmp", budget: BufferBudget(limit: 1 << 20), threadCount: 1),
        admissions: admissions, drain: DrainState(),
        logger: logger, accessLog: AccessLog(logger: logger, output: nil), refreshModels: { _ in })
}

/// Takes the place of the socket: records what reaches it, and does not close the channel with its output.
final class SocketRecorder: ChannelOutboundHandler {
    typealias OutboundIn = Any
    typealias OutboundOut = Any

    private(set) var reads = 0
    private(set) var outputIsClosed = false

    func read(context: ChannelHandlerContext) { reads += 1 }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        outputIsClosed = true
        promise?.succeed()
    }
}

/// Takes the place of the control plane: records the parts of requests, and events.
final class ControlRecorder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private(set) var events: [String] = []
    private(set) var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): events.append("head(\(head.uri))")
        case .body(let bytes): events.append("body(\(String(buffer: bytes)))")
        case .end: events.append("end")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { events.append("complete") }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { events.append("inputClosed") }
    }

    func respond(_ status: HTTPResponseStatus = .ok, _ body: String = "ok", headers: HTTPHeaders = [:]) {
        guard let context else { return }
        var headers = headers
        headers.add(name: "Content-Length", value: String(body.utf8.count))
        let parts: [HTTPServerResponsePart] = [
            .head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)),
            .body(.byteBuffer(ByteBuffer(string: body))), .end(nil),
        ]
        for part in parts { context.write(NIOAny(part), promise: nil) }
        context.flush()
    }
}
