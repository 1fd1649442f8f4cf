import NIOCore
import NIOHTTP1
import NIOPosix

/// A simulated engine whose timing is known to the millisecond, used to measure the accuracy of the client.
///
/// It responds to every request on a loopback port with an event stream that follows ``SendSchedule``.
struct TimedEngine: Sendable {
    /// The send time of each part, counted from the last byte of the request.
    struct SendSchedule: Sendable, Equatable {
        var head: Duration = .milliseconds(20)
        var firstToken: Duration = .milliseconds(50)
        /// Time between two tokens.
        var gap: Duration = .milliseconds(15)
        var tokens = 6

        func token(_ index: Int) -> Duration { firstToken + gap * index }
        /// The last token is sent together with the end of the stream.
        var end: Duration { token(tokens - 1) }
    }

    let port: Int
    let schedule: SendSchedule

    /// Runs `body` while a metronome is listening.
    ///
    /// - Throws: what `body` throws, or the error of binding a loopback port.
    static func running<Value: Sendable>(
        _ schedule: SendSchedule = SendSchedule(), _ body: (TimedEngine) async throws -> Value
    ) async throws -> Value {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(SendScheduleHandler(schedule))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let value = try await body(TimedEngine(port: channel.localAddress?.port ?? 0, schedule: schedule))
            try await channel.close()
            return value
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }
}

/// Sends the scheduled parts once per request. Runs on its connection's event loop.
private final class SendScheduleHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let schedule: TimedEngine.SendSchedule

    init(_ schedule: TimedEngine.SendSchedule) { self.schedule = schedule }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let start = NIODeadline.now()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        func at(_ offset: Duration, _ act: @escaping @Sendable (SendScheduleHandler, ChannelHandlerContext) -> Void) {
            context.eventLoop.scheduleTask(deadline: start + TimeAmount(offset)) {
                guard bound.value.channel.isActive else { return }
                act(handler.value, bound.value)
            }
        }
        at(schedule.head) { $0.sendHead($1) }
        for index in 0..<schedule.tokens {
            at(schedule.token(index)) { [isLast = index == schedule.tokens - 1] in $0.sendToken($1, isLast: isLast) }
        }
    }

    private func sendHead(_ context: ChannelHandlerContext) {
        let headers = HTTPHeaders([("content-type", "text/event-stream"), ("connection", "close")])
        context.writeAndFlush(
            wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
    }

    private func sendToken(_ context: ChannelHandlerContext, isLast: Bool) {
        let reason = isLast ? #""stop""# : "null"
        let choice = #"{"index":0,"delta":{"content":"tick "},"finish_reason":\#(reason)}"#
        let chunk = #"{"model":"metronome","choices":[\#(choice)]}"#
        let text = "data: \(chunk)\n\n" + (isLast ? "data: [DONE]\n\n" : "")
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        guard isLast else { return context.flush() }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
