import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTP2
import SimpleAICore
import Testing

@testable import DataPlane

/// The guards of HTTP/2 connections and streams, without sockets.
@Suite struct StreamGuardTests {
    /// A stream, with its guard and the data plane's handler.
    private struct Bench {
        let eventLoop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let control = ControlRecorder()

        /// Closes the stream as `StreamRules` does.
        private final class Closer: ChannelOutboundHandler {
            typealias OutboundIn = Any
            func triggerUserOutboundEvent(
                context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
            ) {
                if event is StreamRules.CloseStream { context.close(promise: promise) }
            }
        }

        init(drainDeadline: NIODeadline? = nil) throws {
            channel = EmbeddedChannel(loop: eventLoop)
            let inference = InferenceHandler(services: try makeServices(), output: .http2(HTTP2ResponseOutput()))
            try channel.pipeline.syncOperations.addHandlers(
                SocketRecorder(), Closer(),
                StreamGuard(
                    inference: inference, idleTimeout: .seconds(60), drain: .seconds(30), drainDeadline: drainDeadline,
                    now: eventLoop.now),
                inference, control)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func receive(_ parts: HTTPServerRequestPart...) throws {
            for part in parts { try channel.writeInbound(part) }
            eventLoop.run()
        }

        func head(_ method: HTTPMethod, _ uri: String) -> HTTPServerRequestPart {
            .head(HTTPRequestHead(version: .http2, method: method, uri: uri))
        }

        func sent() throws -> [HTTPServerResponsePart] {
            var parts: [HTTPServerResponsePart] = []
            while let part = try channel.readOutbound(as: HTTPServerResponsePart.self) { parts.append(part) }
            return parts
        }

        func status() throws -> UInt? {
            for part in try sent() { if case .head(let head) = part { return head.status.code } }
            return nil
        }
    }

    private static let path = "/v1/chat/completions"

    @Test func aStreamWithoutARequestIsReset() throws {
        let bench = try Bench()
        bench.eventLoop.advanceTime(by: .seconds(59))
        #expect(bench.channel.isActive)
        bench.eventLoop.advanceTime(by: .seconds(1))
        #expect(!bench.channel.isActive)
    }

    @Test func slowBodies() throws {
        let call = try Bench()
        try call.receive(call.head(.POST, Self.path))
        call.eventLoop.advanceTime(by: .seconds(60))
        #expect(try call.status() == 408)
        let other = try Bench()
        try other.receive(other.head(.POST, "/upload"))
        other.eventLoop.advanceTime(by: .seconds(60))
        #expect(!other.channel.isActive)
    }

    @Test func aResponseThatIsNotReadResetsTheStream() throws {
        let bench = try Bench()
        try bench.receive(bench.head(.GET, "/health"), .end(nil))
        bench.eventLoop.advanceTime(by: .seconds(120))
        #expect(bench.channel.isActive, "the services generate the response")
        bench.channel.isWritable = false
        bench.eventLoop.advanceTime(by: .seconds(120))
        #expect(!bench.channel.isActive)
    }

    @Test func drainingEndsCalls() throws {
        for deadline in [nil, NIODeadline.uptimeNanoseconds(0) + .seconds(10)] {
            let bench = try Bench(drainDeadline: deadline)
            try bench.receive(bench.head(.POST, Self.path))
            bench.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            bench.eventLoop.advanceTime(by: deadline == nil ? .seconds(30) : .seconds(10))
            #expect(try bench.status() == 503)
            bench.eventLoop.advanceTime(by: DrainDeadline.callGracePeriod)
            #expect(!bench.channel.isActive)
        }
    }

    @Test func drainingResetsOtherStreams() throws {
        let bench = try Bench()
        try bench.receive(bench.head(.POST, "/upload"))
        bench.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        bench.eventLoop.advanceTime(by: .seconds(30))
        #expect(!bench.channel.isActive)
    }

    /// A frame without data would look like an attack.
    @Test func emptyWritesSendNoFrame() throws {
        let bench = try Bench()
        try bench.receive(bench.head(.GET, "/health"), .end(nil))
        let context = try #require(bench.control.context)
        var sent: [String] = []
        func write(_ part: HTTPServerResponsePart, _ name: String) {
            let promise = bench.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { sent.append(name) }
            context.write(NIOAny(part), promise: promise)
        }
        write(.body(.byteBuffer(ByteBuffer())), "empty")
        #expect(sent == ["empty"], "nothing is held")
        write(.body(.byteBuffer(ByteBuffer(string: "a"))), "a")
        write(.body(.byteBuffer(ByteBuffer())), "after a")
        #expect(sent == ["empty"])
        context.flush()
        #expect(sent.sorted() == ["a", "after a", "empty"])
        #expect(try bench.sent().count == 1)
    }

    // MARK: Connections

    private final class Quiescing: ChannelInboundHandler {
        typealias InboundIn = Any
        var count = 0

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event is ChannelShouldQuiesceEvent { count += 1 }
        }
    }

    private func connection() throws -> (EmbeddedChannel, HTTP2ConnectionGuard, Quiescing) {
        let channel = EmbeddedChannel()
        let management = Quiescing()
        let watch = HTTP2ConnectionGuard(
            idleTimeout: .seconds(60), drain: .seconds(30), on: channel.embeddedEventLoop)
        try channel.pipeline.syncOperations.addHandlers(watch, management)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, watch, management)
    }

    @Test func anIdleConnectionClosesGracefully() throws {
        let (channel, watch, management) = try connection()
        watch.streamBegan()
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(management.count == 0)
        watch.streamEnded()
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(management.count == 1 && channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: DrainDeadline.connectionGracePeriod)
        #expect(!channel.isActive)
    }

    @Test func aDrainingConnectionClosesAfterItsStreams() throws {
        let (channel, watch, management) = try connection()
        watch.streamBegan()
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(management.count == 1 && watch.drainDeadline != nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(31))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func errorsAreHandledByTheirScope() throws {
        let (channel, _, management) = try connection()
        channel.pipeline.fireErrorCaught(NIOHTTP2Errors.emptyPathHeader())
        #expect(management.count == 0 && channel.isActive)
        channel.pipeline.fireErrorCaught(NIOHTTP2Errors.noSuchStream(streamID: 1))
        #expect(management.count == 1 && channel.isActive)
        channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect(!channel.isActive)
    }

    @Test func aHalfCloseClosesTheConnection() throws {
        let (channel, _, _) = try connection()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!channel.isActive)
    }
}
