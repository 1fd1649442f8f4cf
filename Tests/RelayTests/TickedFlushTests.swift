import NIOCore
import NIOEmbedded
import Testing

@testable import Relay

/// Flushes wait for the end of the tick, and for nothing else.
@Suite struct TickedFlushTests {
    /// Stands where the socket would be, and counts.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = Any
        typealias OutboundOut = Any
        var flushes = 0

        func flush(context: ChannelHandlerContext) {
            flushes += 1
            context.flush()
        }
    }

    private struct Connection {
        let channel: EmbeddedChannel
        let socket = Socket()

        init(_ batch: FlushBatch, on loop: EmbeddedEventLoop) throws {
            channel = EmbeddedChannel(loop: loop)
            try channel.pipeline.syncOperations.addHandlers(socket, TickedFlush(batch))
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

    @Test func allFlushesOfATickAreOne() throws {
        let loop = EmbeddedEventLoop()
        let batch = FlushBatch(eventLoop: loop)
        let (left, right) = (try Connection(batch, on: loop), try Connection(batch, on: loop))
        left.write("a")
        right.write("b")
        left.write("c")
        #expect(left.socket.flushes == 0 && right.socket.flushes == 0)
        loop.run()
        #expect(left.socket.flushes == 1 && right.socket.flushes == 1)
        #expect(try left.sent() == ["a", "c"] && right.sent() == ["b"])

        // And the next tick again.
        left.write("d")
        loop.run()
        #expect(left.socket.flushes == 2)
        #expect(try left.sent() == ["d"])
    }

    @Test func closingSendsWhatWaits() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(FlushBatch(eventLoop: loop), on: loop)
        connection.write("last words")
        connection.channel.close(promise: nil)
        #expect(connection.socket.flushes == 1)
        #expect(try connection.sent() == ["last words"])
        loop.run()
        #expect(connection.socket.flushes == 1)
    }

    /// Back-pressure has to tell what the socket takes, not what lies here.
    @Test func aFullBufferDoesNotWait() throws {
        let loop = EmbeddedEventLoop()
        let connection = try Connection(FlushBatch(eventLoop: loop), on: loop)
        connection.channel.isWritable = false
        connection.write("much")
        #expect(connection.socket.flushes == 1)
        loop.run()
        #expect(connection.socket.flushes == 1)
    }
}
