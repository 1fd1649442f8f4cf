import NIOCore
import NIOEmbedded
import Testing

@testable import Relay

/// Flushes wait only for the end of the tick.
@Suite struct CoalescingWriterTests {
    /// Takes the place of the socket, and counts.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = Any
        typealias OutboundOut = Any
        var flushes = 0
        var writes = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            writes += 1
            context.write(data, promise: promise)
        }

        func flush(context: ChannelHandlerContext) {
            flushes += 1
            context.flush()
        }
    }

    private struct Connection {
        let channel: EmbeddedChannel
        let socket = Socket()

        init(_ batch: EndOfTickFlusher, on loop: EmbeddedEventLoop) throws {
            channel = EmbeddedChannel(loop: loop)
            try channel.pipeline.syncOperations.addHandlers(socket, CoalescingWriter(batch, nextTo: .socket))
        }

        func write(_ text: String) {
            channel.write(ByteBuffer(string: text), promise: nil)
            channel.flush()
        }

        func sent() throws -> [String] {
            var texts: [String] = []
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { texts.append(String(buffer: bytes)) }
            return texts
        }
    }

    @Test func joinsAllFlushesOfATick() throws {
        let loop = EmbeddedEventLoop()
        let batch = EndOfTickFlusher(eventLoop: loop)
        let (left, right) = (try Connection(batch, on: loop), try Connection(batch, on: loop))
        left.write("a")
        right.write("b")
        left.write("c")
        #expect(left.socket.flushes == 0 && right.socket.flushes == 0)
        loop.run()
        #expect(left.socket.flushes == 1 && right.socket.flushes == 1)
        #expect(try left.sent() == ["ac"] && right.sent() == ["b"])

        // The next tick as well.
        left.write("d")
        loop.run()
        #expect(left.socket.flushes == 2)
        #expect(try left.sent() == ["d"])
    }

    @Test func closingSendsPendingBytes() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        connection.write("last output")
        connection.channel.close(promise: nil)
        #expect(connection.socket.flushes == 1)
        #expect(try connection.sent() == ["last output"])
        loop.run()
        #expect(connection.socket.flushes == 1)
    }

    /// Back-pressure must reflect the bytes that the socket accepts, not the bytes joined here.
    @Test(arguments: [[20000], [4000, 4000, 4000, 4000, 4000]])
    func flushesAFullChannelImmediately(pieces: [Int]) throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        connection.channel.isWritable = false
        for length in pieces { connection.write(String(repeating: "m", count: length)) }
        #expect(connection.socket.flushes == 1)
        loop.run()
        #expect(connection.socket.flushes == 1)
        // A small write is deferred nevertheless, without a check of writability.
        connection.write("little")
        #expect(connection.socket.flushes == 1)
        loop.run()
        #expect(connection.socket.flushes == 2)
    }

    // MARK: Joining

    @Test func joinsAllWritesUpToAFlush() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        var done: [Int] = []
        // More than once: the storage is reused.
        for round in 0..<3 {
            for (number, piece) in ["5\r\n", "hello", "", "\r\n"].enumerated() {
                let promise = loop.makePromise(of: Void.self)
                promise.futureResult.assumeIsolated().whenSuccess { done.append(number) }
                connection.channel.write(ByteBuffer(string: piece), promise: promise)
            }
            #expect(connection.socket.writes == round, "nothing goes on before it is flushed")
            connection.channel.flush()
            loop.run()
            #expect(try connection.sent() == ["5\r\nhello\r\n"])
            #expect(done.sorted() == [0, 1, 2, 3], "every promise is kept")
            done = []
        }
        #expect(connection.socket.writes == 3)
    }

    /// A buffer that is still on its way to the socket must not change.
    @Test func doesNotReuseABufferThatIsBeingSent() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        for word in ["one", "two", "three"] {
            connection.channel.write(ByteBuffer(string: word), promise: nil)
            connection.write(";")
            loop.run()
        }
        #expect(try connection.sent() == ["one;", "two;", "three;"])
    }

    @Test(arguments: [4097, 100_000])
    func forwardsALongPieceUnchangedAndInOrder(length: Int) throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        let long = String(repeating: "x", count: length)
        for piece in ["a", "b", long, "c", "d"] {
            connection.channel.write(ByteBuffer(string: piece), promise: nil)
        }
        connection.channel.flush()
        loop.run()
        #expect(try connection.sent() == ["ab", long, "cd"])
    }

    /// Many pieces without a flush must not accumulate here, invisible to back-pressure.
    @Test func limitsTheJoinedBytes() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        let piece = String(repeating: "y", count: 4096)
        for _ in 0..<10 { connection.channel.write(ByteBuffer(string: piece), promise: nil) }
        #expect(connection.socket.writes == 2)
        connection.channel.flush()
        loop.run()
        let sent = try connection.sent()
        #expect(sent.joined() == String(repeating: piece, count: 10))
        #expect(sent.allSatisfy { $0.utf8.count <= 16 << 10 })
    }

    /// The socket fails promises when the connection closes, so nothing may remain here.
    @Test func closingForwardsEverything() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(EndOfTickFlusher(eventLoop: loop), on: loop)
        connection.channel.write(ByteBuffer(string: "never "), promise: nil)
        connection.channel.write(ByteBuffer(string: "flushed"), promise: nil)
        #expect(connection.socket.writes == 0)
        connection.channel.close(promise: nil)
        #expect(connection.socket.writes == 1)
        loop.run()
    }

    @Test(arguments: [true, false])
    func leavingThePipelineForwardsEverything(isFlushed: Bool) throws {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        let handler = CoalescingWriter(EndOfTickFlusher(eventLoop: loop), nextTo: .socket)
        try channel.pipeline.syncOperations.addHandler(handler)
        channel.write(ByteBuffer(string: "before"), promise: nil)
        if isFlushed { channel.flush() }
        let removed = channel.pipeline.syncOperations.removeHandler(handler)
        loop.run()
        try removed.wait()
        // An earlier flush has been passed on with it; without one, the next flush is the channel's.
        if !isFlushed { channel.flush() }
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "before")
    }
}
