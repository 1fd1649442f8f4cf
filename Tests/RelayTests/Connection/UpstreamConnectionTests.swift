import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SimpleAICore
import Synchronization
import Testing

@testable import Relay

/// The shell performs the actions of its state machine, without sockets.
@Suite struct UpstreamConnectionTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let timeouts = UpstreamTimeouts(connect: .seconds(1), firstByte: .seconds(60), gap: .seconds(30))

    private final class Recorder: UpstreamResponseReceiver {
        var events: [String] = []
        var onBody: () -> Void = {}
        var onEnd: () -> Void = {}

        func responseHeadReceived(_ head: HTTPResponseHead) { events.append("head \(head.status.code)") }
        func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
            events.append("body \(String(buffer: bytes))")
            onBody()
        }
        func responseEndReceived() {
            events.append("end")
            onEnd()
        }
        func upstreamFailed(_ failure: UpstreamFailure) { events.append("\(failure)") }
    }

    /// Counts the reads that reach the socket.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = Any
        var reads = 0

        func read(context: ChannelHandlerContext) { reads += 1 }
    }

    /// One connection of a pool, on an embedded event loop.
    private struct Bench {
        let eventLoop = EmbeddedEventLoop()
        let pool: UpstreamPool
        let upstream = Upstream(runner: "r", host: "127.0.0.1", port: 1)
        let socket = ReadCounter()
        let channel: EmbeddedChannel
        let connection: UpstreamConnection

        init(_ lifetimes: UpstreamLifetimes = UpstreamLifetimes(), logger: Logger = .noOperation) throws {
            pool = UpstreamPool(eventLoop: eventLoop, logger: logger, lifetimes: lifetimes)
            let out = CoalescingWriter(pool.flusher, nextTo: .socket)
            connection = UpstreamConnection(upstream: upstream, pool: pool, out: out, socket: nil)
            channel = EmbeddedChannel(loop: eventLoop)
            try channel.pipeline.syncOperations.addHandlers(socket, out, connection)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func begin(_ target: Recorder, _ handle: ExchangeHandle = ExchangeHandle(), keepAlive: Bool = true)
            -> ExchangeHandle
        {
            connection.begin(request(keepAlive), for: target, exchangeHandle: handle, timeouts: timeouts)
            eventLoop.run()
            return handle
        }

        func request(_ keepAlive: Bool = true) -> UpstreamRequest {
            let headers: HTTPHeaders = keepAlive ? ["Host": "h"] : ["Host": "h", "Connection": "close"]
            return UpstreamRequest(
                head: HTTPRequestHead(version: .http1_1, method: .POST, uri: "/call", headers: headers),
                body: ByteBuffer(string: "{}"))
        }

        /// - Returns: nil once the connection is closed.
        func receive(_ text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
            eventLoop.run()
        }

        func sent() throws -> String {
            var text = ""
            while let data = try channel.readOutbound(as: IOData.self) {
                if case .byteBuffer(let bytes) = data { text += String(buffer: bytes) }
            }
            return text
        }
    }

    @Test func sendsTheRequestAndDeliversTheResponse() throws {
        let bench = try Bench()
        let recorder = Recorder()
        let handle = bench.begin(recorder)
        #expect(try bench.sent() == "POST /call HTTP/1.1\r\nHost: h\r\n\r\n{}")
        #expect(bench.connection.isExchanging && handle.isExchanging && bench.socket.reads == 1)
        try bench.receive("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
        try bench.receive("ay")
        #expect(recorder.events == ["head 200", "body ok", "body ay", "end"])
        #expect(!bench.connection.isExchanging && !handle.isExchanging && bench.channel.isActive)
        #expect(bench.upstream.lastServedAt != nil || bench.eventLoop.now == .uptimeNanoseconds(0))
        #expect(bench.connection.isReusable(at: bench.eventLoop.now))
    }

    /// The pool sends the next request on the connection, even if it is sent while the end of the first response is reported.
    @Test func thePoolReusesTheConnection() throws {
        let bench = try Bench()
        let (first, second) = (Recorder(), Recorder())
        first.onEnd = {
            bench.pool.send(
                bench.request(), to: bench.upstream, for: second, exchangeHandle: ExchangeHandle(),
                timeouts: Self.timeouts)
        }
        _ = bench.begin(first)
        try bench.receive(Self.answer)
        #expect(try bench.sent().hasSuffix("{}POST /call HTTP/1.1\r\nHost: h\r\n\r\n{}"))
        try bench.receive(Self.answer)
        #expect(second.events == ["head 200", "body ok", "end"])
    }

    @Test func cancellingClosesTheConnection() throws {
        let bench = try Bench()
        let recorder = Recorder()
        let handle = bench.begin(recorder)
        handle.cancel()
        #expect(!bench.channel.isActive && recorder.events.isEmpty)
    }

    @Test func cancellingDuringAPieceEndsTheDelivery() throws {
        let bench = try Bench()
        let recorder = Recorder()
        let handle = ExchangeHandle()
        recorder.onBody = { handle.cancel() }
        _ = bench.begin(recorder, handle)
        try bench.receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
        #expect(recorder.events == ["head 200", "body a"] && !bench.channel.isActive)
    }

    @Test func aReleasedResponseIsDroppedUntilItsDeadline() throws {
        let bench = try Bench()
        let recorder = Recorder()
        let handle = bench.begin(recorder)
        try bench.receive("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
        handle.release()
        try bench.receive("more")
        #expect(recorder.events == ["head 200", "body ok"] && bench.channel.isActive)
        bench.eventLoop.advanceTime(by: UpstreamConnectionState.dropTimeout)
        #expect(!bench.channel.isActive && recorder.events.count == 2)
    }

    @Test func pausedCallersStopReads() throws {
        let bench = try Bench()
        let handle = bench.begin(Recorder())
        let before = bench.socket.reads
        handle.pauseReading()
        try bench.receive("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
        #expect(bench.socket.reads == before)
        handle.resumeReading()
        #expect(bench.socket.reads == before + 1)
        try bench.receive("ok")
        #expect(bench.socket.reads == before + 2)
    }

    @Test func timeoutsFailTheExchange() throws {
        let bench = try Bench()
        let (silent, stalled) = (Recorder(), Recorder())
        _ = bench.begin(silent)
        bench.eventLoop.advanceTime(by: .seconds(59))
        #expect(silent.events.isEmpty)
        bench.eventLoop.advanceTime(by: .seconds(1))
        #expect(silent.events == ["firstByteTimeout"] && !bench.channel.isActive)

        let other = try Bench()
        _ = other.begin(stalled)
        try other.receive("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
        other.eventLoop.advanceTime(by: .seconds(30))
        #expect(stalled.events == ["head 200", "body ok", "gapTimeout"] && !other.channel.isActive)
    }

    @Test func failuresReachTheCaller() throws {
        for (event, expected) in [
            ("close", "closedBeforeResponse"), ("error", "closedBeforeResponse"), ("bytes", "malformed"),
            ("machine", "runnerDeclaredUnreachable"),
        ] {
            let bench = try Bench()
            let recorder = Recorder()
            _ = bench.begin(recorder)
            switch event {
            case "close": bench.channel.close(promise: nil)
            case "error": bench.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
            case "bytes": try bench.receive("SSH-2.0\r\n")
            default: bench.connection.machineBecameUnreachable()
            }
            #expect(
                recorder.events.count == 1 && recorder.events.first?.hasPrefix(expected) ?? false, "\(recorder.events)")
            #expect(!bench.channel.isActive)
        }
    }

    @Test func aClosedConnectionIsStale() throws {
        let bench = try Bench()
        bench.channel.close(promise: nil)
        bench.eventLoop.run()
        let recorder = Recorder()
        #expect(!bench.begin(recorder).isExchanging)
        #expect(recorder.events == ["staleConnection"])
    }

    @Test func unrequestedBytesCloseIt() throws {
        let bench = try Bench()
        _ = bench.begin(Recorder())
        try bench.receive(Self.answer)
        try bench.receive("x")
        #expect(!bench.channel.isActive)
    }

    // MARK: Lifetimes

    /// Idle connections are closed at the end of their lifetime, without further requests.
    @Test func idleConnectionsExpire() throws {
        let bench = try Bench(UpstreamLifetimes(idle: .seconds(60), age: .hours(1)))
        _ = bench.begin(Recorder())
        try bench.receive(Self.answer)
        bench.eventLoop.advanceTime(by: .seconds(59))
        #expect(bench.channel.isActive)
        bench.eventLoop.advanceTime(by: .seconds(1))
        #expect(!bench.channel.isActive)
    }

    /// Use extends the idle lifetime, but not the age.
    @Test func usedConnectionsLiveUntilTheirMaximumAge() throws {
        let bench = try Bench(UpstreamLifetimes(idle: .seconds(60), age: .minutes(3)))
        for minute in 0..<3 {
            let recorder = Recorder()
            bench.pool.release(bench.connection)
            _ = bench.begin(recorder)
            try bench.receive(Self.answer)
            #expect(recorder.events.last == "end" && bench.channel.isActive, "minute \(minute)")
            bench.eventLoop.advanceTime(by: .seconds(59))
        }
        #expect(bench.channel.isActive)
        bench.eventLoop.advanceTime(by: .seconds(10))
        #expect(!bench.channel.isActive)
    }

    @Test func connectionsAreClosedWhenTheirMachineSleeps() throws {
        let bench = try Bench()
        _ = bench.begin(Recorder())
        try bench.receive(Self.answer)
        bench.connection.machineBecameUnreachable()
        #expect(!bench.channel.isActive)
    }

    // MARK: Logs

    @Test func theEndOfAConnectionIsLogged() throws {
        let lines = Lines()
        let bench = try Bench(logger: Logger(label: "test") { _ in lines.handler })
        _ = bench.begin(Recorder())
        try bench.receive("SSH-2.0\r\n")
        let line = try #require(lines.all.first)
        #expect(line.level == .debug && line.message == "Upstream connection closed")
        #expect(line.metadata["connection"] == "\(bench.connection.id)" && line.metadata["runner"] == "r")
        #expect(line.metadata["count"] == "1" && line.metadata["cause"] == "not an HTTP/1 response")
    }
}

/// Collects log lines.
final class Lines: Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var message: String
        var metadata: [ExactString: String]
    }

    private let lines = Mutex<[Line]>([])
    var all: [Line] { lines.withLock { $0 } }
    var handler: any LogHandler { Handler(lines: self) }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).map { (ExactString($0.key), "\($0.value)") }
            lines.lines.withLock {
                $0.append(
                    Line(
                        level: event.level, message: "\(event.message)",
                        metadata: Dictionary(uniqueKeysWithValues: pairs)))
            }
        }
    }
}
