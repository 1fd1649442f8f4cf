import NIOCore
import NIOEmbedded
import NIOHTTP1
import Relay
import SimpleAICore
import Testing

@testable import DataPlane

/// The shell performs the actions of its state machine, without sockets.
@Suite struct ClientConnectionTests {
    private static let idleTimeout: TimeAmount = .seconds(60)
    private static let drain: TimeAmount = .seconds(30)
    private static let call = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
    private static let upload = "POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"

    /// A client's connection with both planes.
    private struct Bench {
        let eventLoop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let socket = SocketRecorder()
        let control = ControlRecorder()
        let entry: ClientConnectionEntry

        init() throws {
            let services = try makeServices()
            channel = EmbeddedChannel(loop: eventLoop)
            entry = try #require(services.connections.admit(channel, from: Peer.v4(1)))
            let writer = CoalescingWriter(services.pools.pool(on: eventLoop).flusher, nextTo: .socket)
            let output = HTTP1ResponseOutput(writer)
            let inference = InferenceHandler(services: services, output: .http1(output))
            try channel.pipeline.syncOperations.addHandlers(
                socket, writer, HTTPResponseEncoder(),
                ClientConnection(
                    inference: inference, output: output, socket: writer, entry: entry, maxHead: 1_024,
                    idleTimeout: idleTimeout, drain: drain, now: eventLoop.now),
                inference, control)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func receive(_ text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
            eventLoop.run()
        }

        func trigger(_ event: any Sendable) {
            channel.pipeline.fireUserInboundEventTriggered(event)
            eventLoop.run()
        }

        func pass(_ time: TimeAmount) { eventLoop.advanceTime(by: time) }

        func sent() throws -> String {
            eventLoop.run()
            var text = ""
            while let data = try channel.readOutbound(as: IOData.self) {
                if case .byteBuffer(let bytes) = data { text += String(buffer: bytes) }
            }
            return text
        }

        /// The status lines of the responses sent since the last call.
        func statuses() throws -> [String] {
            try sent().split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }.filter { Int($0) != nil }
        }
    }

    // MARK: Requests

    @Test func callsAreAnsweredByTheDataPlane() throws {
        let bench = try Bench()
        try bench.receive(Self.call)
        #expect(try bench.sent() == "")
        try bench.receive("{}")
        let response = try bench.sent()
        #expect(response.hasPrefix("HTTP/1.1 400 ") && response.contains("messages"))
        #expect(bench.control.events.isEmpty && bench.channel.isActive)
    }

    @Test func otherRequestsPassToTheControlPlane() throws {
        let bench = try Bench()
        try bench.receive(Self.upload + "ab" + "GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(bench.control.events == ["head(/upload)", "body(ab)", "end", "complete"])
        bench.control.respond()
        #expect(
            bench.control.events == [
                "head(/upload)", "body(ab)", "end", "complete", "head(/health)", "end", "complete",
            ])
        bench.control.respond(.noContent, "")
        #expect(try bench.statuses() == ["200", "204"])
        #expect(bench.channel.isActive)
    }

    /// Responses are in the order of requests, whichever plane serves them.
    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let bench = try Bench()
        try bench.receive(Self.call + "{}" + Self.upload + "ab" + Self.call + "{}")
        #expect(try bench.statuses() == ["400"])
        bench.control.respond(.created)
        #expect(try bench.statuses() == ["201", "400"])
        #expect(bench.channel.isActive)
    }

    @Test func readsAreHeldBackDuringAResponse() throws {
        let bench = try Bench()
        try bench.receive(Self.upload + "ab")
        let before = bench.socket.reads
        bench.channel.read()
        #expect(bench.socket.reads == before)
        bench.control.respond()
        #expect(bench.socket.reads == before + 1)
    }

    @Test func malformedRequestsAreRefused() throws {
        let bench = try Bench()
        try bench.receive("bad\r\n")
        #expect(try bench.statuses() == ["400"])
        #expect(bench.socket.outputIsClosed && bench.channel.isActive)
        try bench.receive(Self.upload)
        #expect(bench.control.events.isEmpty)
        bench.pass(.seconds(2))
        #expect(!bench.channel.isActive)
    }

    /// The client would match an error to another request.
    @Test func aMalformedRequestDuringAResponseClosesTheConnection() throws {
        let bench = try Bench()
        try bench.receive("POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "2"])
        bench.control.context?.writeAndFlush(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
        try bench.receive("z\r\n")
        #expect(!bench.channel.isActive)
        #expect(try bench.statuses() == ["200"])
    }

    @Test func responsesAfterARefusalAreDropped() throws {
        let bench = try Bench()
        try bench.receive("POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n")
        bench.control.respond()
        #expect(try bench.statuses() == ["400"])
    }

    @Test func theEndOfInputEndsACall() throws {
        let bench = try Bench()
        try bench.receive(Self.call)
        bench.trigger(ChannelEvent.inputClosed)
        #expect(!bench.channel.isActive)
        let passed = try Bench()
        try passed.receive(Self.upload + "ab")
        passed.trigger(ChannelEvent.inputClosed)
        #expect(passed.channel.isActive && passed.control.events.last == "inputClosed")
    }

    /// The rest of a refused body is discarded, and the response still reaches the client.
    @Test func aRefusedCallDiscardsTheRestOfItsBody() throws {
        let bench = try Bench()
        try bench.receive("PUT /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab")
        #expect(try bench.statuses() == ["405"])
        #expect(bench.socket.outputIsClosed && bench.channel.isActive)
        try bench.receive("cd")
        #expect(bench.channel.isActive)
        bench.pass(.seconds(5))
        #expect(!bench.channel.isActive)
    }

    // MARK: Deadlines

    @Test func drainingClosesIdleConnections() throws {
        let bench = try Bench()
        bench.trigger(ChannelShouldQuiesceEvent())
        #expect(!bench.channel.isActive)
    }

    /// A call in progress gets the drain time, then an error.
    @Test func drainingEndsCalls() throws {
        let bench = try Bench()
        try bench.receive(Self.call)
        bench.trigger(ChannelShouldQuiesceEvent())
        bench.pass(Self.drain - .seconds(1))
        #expect(bench.channel.isActive)
        bench.pass(.seconds(1))
        #expect(try bench.statuses() == ["503"])
        bench.pass(DrainDeadline.callGracePeriod)
        #expect(!bench.channel.isActive)
    }

    @Test func drainingMakesResponsesTheLast() throws {
        let bench = try Bench()
        try bench.receive(Self.upload + "ab")
        bench.trigger(ChannelShouldQuiesceEvent())
        bench.control.respond()
        let response = try bench.sent()
        #expect(response.lowercased().contains("connection: close"))
        #expect(!bench.channel.isActive)
    }

    @Test func drainingClosesOtherRequestsAtItsEnd() throws {
        let bench = try Bench()
        try bench.receive(Self.upload)
        bench.trigger(ChannelShouldQuiesceEvent())
        bench.pass(Self.drain)
        #expect(!bench.channel.isActive)
    }

    @Test func idleConnectionsAreClosed() throws {
        let bench = try Bench()
        bench.pass(.seconds(30))
        try bench.receive(Self.call + "{}")
        bench.pass(.seconds(59))
        #expect(bench.channel.isActive)
        bench.pass(.seconds(1))
        #expect(!bench.channel.isActive)
    }

    @Test func slowBodiesEndWithAnError() throws {
        for request in [Self.call, Self.upload] {
            let bench = try Bench()
            try bench.receive(request)
            bench.pass(Self.idleTimeout)
            #expect(try bench.statuses() == ["408"], "\(request)")
        }
    }

    @Test func evictionClosesIdleConnectionsOnly() throws {
        let idle = try Bench()
        idle.trigger(ConnectionEviction())
        #expect(!idle.channel.isActive)
        let busy = try Bench()
        try busy.receive(Self.upload)
        busy.trigger(ConnectionEviction())
        #expect(busy.channel.isActive)
    }

    @Test func errorsCloseTheConnection() throws {
        let bench = try Bench()
        try bench.receive(Self.call)
        bench.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect(!bench.channel.isActive)
    }

    /// After the handlers have been removed for an upgrade, timers must not close the connection.
    @Test func removalStopsItsTimers() throws {
        let bench = try Bench()
        let handler = try bench.channel.pipeline.syncOperations.handler(type: ClientConnection.self)
        try bench.channel.pipeline.syncOperations.removeHandler(handler).wait()
        bench.pass(.hours(1))
        #expect(bench.channel.isActive)
    }
}
