import NIOCore
import NIOEmbedded
import NIOHTTP1
import SimpleAICore
import Testing

@testable import Relay

/// Request bodies that a source delivers in pieces.
@Suite(.timeLimit(.minutes(5))) struct StreamedBodyTests {
    /// Delivers pieces as a test makes them available.
    private final class Source: BodySource {
        let length: Int
        var onReady: (() -> Void)?
        private var pieces: [BodyPiece] = []
        private(set) var isCancelled = false
        private(set) var delivered = 0

        init(length: Int) { self.length = length }

        func add(_ pieces: BodyPiece...) {
            self.pieces += pieces
            onReady?()
        }

        func next() -> BodyPiece {
            guard !pieces.isEmpty else { return .pending }
            delivered += 1
            return pieces.removeFirst()
        }

        func cancel() {
            isCancelled = true
            onReady = nil
        }
    }

    /// An endless text of a fixed length.
    private final class Text: BodySource {
        let length: Int
        var onReady: (() -> Void)?
        private var rest: Int

        init(length: Int) { (self.length, rest) = (length, length) }

        func next() -> BodyPiece {
            let count = min(rest, 64 << 10)
            rest -= count
            return .bytes(ByteBuffer(repeating: UInt8(ascii: "x"), count: count))
        }

        func cancel() {}
    }

    private final class Recorder: UpstreamResponseReceiver {
        var events: [String] = []

        func responseHeadReceived(_ head: HTTPResponseHead) { events.append("head \(head.status.code)") }
        func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
            events.append("body \(String(buffer: bytes))")
        }
        func responseEndReceived() { events.append("end") }
        func upstreamFailed(_ failure: UpstreamFailure) { events.append("\(failure)") }
    }

    /// A socket that accepts bytes when a test calls `accept`.
    private final class HeldWrites: ChannelOutboundHandler {
        typealias OutboundIn = IOData
        typealias OutboundOut = IOData
        var isHolding = false
        private var held: [(NIOAny, EventLoopPromise<Void>?)] = []
        private var context: ChannelHandlerContext?

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if isHolding { held.append((data, promise)) } else { context.write(data, promise: promise) }
        }

        func accept() {
            guard let context, !held.isEmpty else { return }
            let (data, promise) = held.removeFirst()
            context.writeAndFlush(data, promise: promise)
        }
    }

    private struct Bench {
        let eventLoop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let connection: UpstreamConnection
        let socket = HeldWrites()
        let recorder = Recorder()
        let handle = ExchangeHandle()

        init() throws {
            let pool = UpstreamPool(eventLoop: eventLoop)
            let out = CoalescingWriter(pool.flusher, nextTo: .tls)
            let upstream = Upstream(runner: "r", host: "127.0.0.1", port: 1)
            connection = UpstreamConnection(upstream: upstream, pool: pool, out: out, socket: nil)
            channel = EmbeddedChannel(loop: eventLoop)
            try channel.pipeline.syncOperations.addHandlers(socket, out, connection)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func begin(_ source: any BodySource, _ recorder: Recorder? = nil, first: String = "") {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: "/",
                headers: ["Content-Length": "\(first.utf8.count + source.length)"])
            connection.begin(
                UpstreamRequest(head: head, body: ByteBuffer(string: first), bodySource: source),
                for: recorder ?? self.recorder, exchangeHandle: handle,
                timeouts: UpstreamTimeouts(connect: .seconds(1), firstByte: .seconds(60), gap: .seconds(30)))
            eventLoop.run()
        }

        func add(_ text: String, to source: Source) {
            source.add(.bytes(ByteBuffer(string: text)))
            eventLoop.run()
        }

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

    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test func piecesAreSentAsTheyBecomeAvailable() throws {
        let bench = try Bench()
        let source = Source(length: 8)
        bench.begin(source, first: "(")
        #expect(try bench.sent() == "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n(")
        bench.add("one", to: source)
        #expect(try bench.sent() == "one")
        source.add(.bytes(ByteBuffer(string: "two")), .bytes(ByteBuffer(string: "!)")))
        bench.eventLoop.run()
        #expect(try bench.sent() == "two!)")
        #expect(source.isCancelled && source.delivered == 3)
        try bench.receive(Self.answer)
        #expect(bench.recorder.events == ["head 200", "body ok", "end"])
        #expect(bench.connection.isReusable(at: bench.eventLoop.now))
        // The connection serves the next request.
        let (again, second) = (Source(length: 1), Recorder())
        bench.begin(again, second)
        bench.add("x", to: again)
        #expect(try bench.sent().hasSuffix("\r\n\r\nx"))
        try bench.receive(Self.answer)
        #expect(second.events == ["head 200", "body ok", "end"])
    }

    @Test func piecesWaitForTheSocket() throws {
        let bench = try Bench()
        let source = Source(length: 10 * 65_536)
        bench.socket.isHolding = true
        bench.begin(source)
        for _ in 0..<10 { source.add(.bytes(ByteBuffer(repeating: 0x78, count: 65_536))) }
        bench.eventLoop.run()
        #expect(source.delivered == 2)
        bench.socket.accept()  // the head
        #expect(source.delivered == 2)
        for count in 3...10 {
            bench.socket.accept()
            bench.eventLoop.run()
            #expect(source.delivered == count)
        }
        for _ in 0..<2 { bench.socket.accept() }
        #expect(try bench.sent().utf8.count > 10 * 65_536)
        try bench.receive(Self.answer)
        #expect(bench.connection.isReusable(at: bench.eventLoop.now))
    }

    @Test func anEarlyResponseIsDeliveredWhileTheBodyIsSent() throws {
        let bench = try Bench()
        let source = Source(length: 4)
        bench.begin(source)
        bench.add("ab", to: source)
        try bench.receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        #expect(bench.recorder.events == ["head 200", "body o"] && !source.isCancelled)
        bench.add("cd", to: source)
        #expect(try bench.sent().hasSuffix("abcd"))
        try bench.receive("k")
        #expect(bench.recorder.events.last == "end" && bench.channel.isActive)
    }

    @Test func anEarlyEndOfTheResponseEndsTheBody() throws {
        let bench = try Bench()
        let source = Source(length: 4)
        bench.begin(source)
        bench.add("ab", to: source)
        try bench.receive("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        #expect(bench.recorder.events == ["head 413", "body no", "end"])
        #expect(source.isCancelled && !bench.channel.isActive)
    }

    @Test func aFailedSourceFailsTheExchange() throws {
        for isLate in [false, true] {
            let bench = try Bench()
            let source = Source(length: 4)
            if !isLate { source.add(.failed("disk error")) }
            bench.begin(source)
            if isLate { source.add(.failed("disk error")) }
            #expect(bench.recorder.events == [#"bodyUnavailable("disk error")"#])
            #expect(source.isCancelled && !bench.channel.isActive && !bench.handle.isExchanging)
            // No timer retains the connection.
            bench.eventLoop.advanceTime(by: .hours(1))
        }
    }

    @Test func surplusBytesAreNotSent() throws {
        let bench = try Bench()
        let source = Source(length: 4)
        bench.begin(source)
        bench.add("abcdGET / HTTP/1.1", to: source)
        #expect(try !bench.sent().contains("GET"))
        #expect(bench.recorder.events.count == 1 && !bench.channel.isActive)
    }

    @Test func theEndOfTheExchangeCancelsTheSource() throws {
        for end in ["cancel", "release", "close"] {
            let bench = try Bench()
            let source = Source(length: 4)
            bench.begin(source)
            bench.add("ab", to: source)
            switch end {
            case "cancel": bench.handle.cancel()
            case "release": bench.handle.release()
            default: bench.channel.close(promise: nil)
            }
            bench.eventLoop.run()
            #expect(source.isCancelled, "\(end)")
            _ = try? bench.sent()
            source.add(.bytes(ByteBuffer(string: "cd")))
            bench.eventLoop.run()
            #expect(source.delivered == 1, "\(end)")
        }
    }

    // MARK: Over sockets

    private static func send(_ length: Int, to upstream: Upstream, on loop: Loop) async throws -> Exchange {
        let (events, report) = AsyncStream.makeStream(of: Exchange.Event.self)
        let eventLoop = loop.eventLoop
        let handle = try await eventLoop.submit {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: "/call",
                headers: ["Host": upstream.authority, "Content-Length": "\(length)"])
            let handle = ExchangeHandle()
            try #require(loop.pool.value).send(
                UpstreamRequest(head: head, body: ByteBuffer(), bodySource: Text(length: length)), to: upstream,
                for: Loop.Recorder(report), exchangeHandle: handle, timeouts: Loop.patient)
            return NIOLoopBound(handle, eventLoop: eventLoop)
        }.get()
        return Exchange(eventLoop: eventLoop, exchangeHandle: handle, events: events)
    }

    @Test func aLongBodyArrives() async throws {
        let engine = try await Engine(readsAtOnce: false)
        let (loop, upstream) = (try await Loop(), Upstream(runner: "r", host: "127.0.0.1", port: engine.port))
        for _ in 1...2 {
            let exchange = try await Self.send(24 << 20, to: upstream, on: loop)
            let peer = try await engine.accept()
            try await peer.channel.setOption(.autoRead, value: true).get()
            var received = 0
            for await text in peer.incoming {
                received += text.utf8.count { $0 == UInt8(ascii: "x") }
                if received == 24 << 20 { break }
            }
            try await peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            #expect(await exchange.all() == [.head(200), .bytes("ok"), .ended])
        }
    }

    /// An engine that refuses a body closes with unread bytes, which resets the connection.
    @Test func anErrorBeforeTheEndOfTheBodyReachesTheCaller() async throws {
        let engine = try await Engine(readsAtOnce: false)
        let (loop, upstream) = (try await Loop(), Upstream(runner: "r", host: "127.0.0.1", port: engine.port))
        let exchange = try await Self.send(64 << 20, to: upstream, on: loop)
        let peer = try await engine.accept()
        try await peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        try await peer.channel.close()
        #expect(await exchange.all() == [.head(413), .bytes("no"), .ended])
    }
}
