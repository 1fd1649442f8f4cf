import NIOCore
import NIOPosix
import Testing

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

@testable import Relay

/// Over real sockets: the bytes that are written directly to the socket, and the bytes that go through the channel
/// when the kernel accepts no more.
@Suite(.timeLimit(.minutes(5))) struct SocketWriterTests {
    /// Sits between the handler and the channel, and counts the writes that pass.
    private final class Counter: ChannelOutboundHandler {
        typealias OutboundIn = IOData
        typealias OutboundOut = IOData
        var writes = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            writes += 1
            context.write(data, promise: promise)
        }
    }

    /// The local end.
    private struct Connection: Sendable {
        let channel: any Channel
        private let ends: NIOLoopBound<(Counter, CoalescingWriter)>

        init(to engine: Engine, nextTo nextHandler: CoalescingWriter.NextHandler = .socket) async throws {
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            ends = try await eventLoop.submit {
                let flush = CoalescingWriter(EndOfTickFlusher(eventLoop: eventLoop), nextTo: nextHandler)
                return NIOLoopBound((Counter(), flush), eventLoop: eventLoop)
            }.get()
            let ends = ends
            channel = try await ClientBootstrap(group: eventLoop)
                .channelOption(.socketOption(.so_sndbuf), value: 16 << 10)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(ends.value.0, ends.value.1)
                    }
                }
                .connect(host: "127.0.0.1", port: engine.port).get()
        }

        /// Writes all pieces in one tick of the event loop.
        /// - Returns: the results of the writes.
        @discardableResult
        func write(_ pieces: String...) async throws -> [EventLoopFuture<Void>] { try await write(pieces) }

        /// - Parameter afterClosing: whether to close the channel first, in the same tick.
        func write(_ pieces: [String], afterClosing: Bool = false) async throws -> [EventLoopFuture<Void>] {
            try await channel.eventLoop.submit {
                if afterClosing { channel.close(promise: nil) }
                let flush = ends.value.1
                return pieces.map { piece in
                    let promise = channel.eventLoop.makePromise(of: Void.self)
                    flush.write(ByteBuffer(string: piece), promise: promise)
                    flush.flush()
                    return promise.futureResult
                }
            }.get()
        }

        /// Writes and flushes, and closes the channel from below: handlers above the socket are notified only at the
        /// end of the tick.
        /// - Returns: the result of the write; and the number of the channel's socket, if it is now a copy of
        ///   `other`.
        func closeAfterWriting(
            _ text: String, givingItsNumberTo other: Int32
        ) async throws -> (EventLoopFuture<Void>, Int32?) {
            try await channel.eventLoop.submit {
                let (counter, flush) = ends.value
                let number = try channel.pipeline.syncOperations
                    .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
                let promise = channel.eventLoop.makePromise(of: Void.self)
                flush.write(ByteBuffer(string: text), promise: promise)
                flush.flush()
                try channel.pipeline.syncOperations.context(handler: counter).close(promise: nil)
                guard let number else { return (promise.futureResult, nil) }
                let copy = fcntl(other, F_DUPFD, number)
                if copy != number { close(copy) }
                return (promise.futureResult, copy == number ? number : nil)
            }.get()
        }

        /// The number of writes that the channel received.
        var channelWrites: Int {
            get async throws { try await channel.eventLoop.submit { ends.value.0.writes }.get() }
        }
    }

    /// A connection that writes directly to its socket.
    private func writingPast() async throws -> (Connection, Peer) {
        let engine = try await Engine()
        let connection = try await Connection(to: engine)
        var peer = try await engine.accept()
        for word in ["one ", "two."] { try await connection.write(word) }
        try await peer.read(until: "two.")
        return (connection, peer)
    }

    @Test func onlyTheFirstWriteUsesTheChannel() async throws {
        let engine = try await Engine()
        let connection = try await Connection(to: engine)
        var peer = try await engine.accept()
        var all: [EventLoopFuture<Void>] = []
        for word in ["one ", "two ", "three "] { all += try await connection.write(word, "and ") }
        all += try await connection.write("four.")
        #expect(try await peer.read(until: "four.") == "one and two and three and four.")
        for written in all { try await written.get() }
        #expect(try await connection.channelWrites == 1)
    }

    /// Bytes that bypass TLS would be sent in the clear.
    @Test func allWritesUseTheChannelNextToTLS() async throws {
        let engine = try await Engine()
        let connection = try await Connection(to: engine, nextTo: .tls)
        var peer = try await engine.accept()
        for word in ["one ", "two ", "three."] { try await connection.write(word) }
        #expect(try await peer.read(until: "three.") == "one two three.")
        #expect(try await connection.channelWrites == 3)
    }

    /// No bytes are lost or reordered, and promises succeed in order; then writes go directly to the socket again.
    @Test func bytesThatTheKernelDoesNotAcceptWaitInTheChannel() async throws {
        let engine = try await Engine(readsAtOnce: false)
        let connection = try await Connection(to: engine)
        var peer = try await engine.accept()
        try await connection.write("begin ")
        #expect(try await connection.channelWrites == 1)

        // The kernel's buffers hold half of this at most: the peer does not read, so they do not grow.
        let pieces = (0..<4000).map { "\($0)" + String(repeating: " ", count: 1000) }
        var all: [EventLoopFuture<Void>] = []
        for start in stride(from: 0, to: pieces.count, by: 7) {
            all += try await connection.write(Array(pieces[start..<min(start + 7, pieces.count)]))
        }
        #expect(try await connection.channelWrites > 1, "the peer reads nothing")
        #expect(try await !connection.channel.eventLoop.submit { connection.channel.isWritable }.get())
        all += try await connection.write("end.")

        try await peer.channel.setOption(.autoRead, value: true).get()
        let read = try await peer.read(until: "end.")
        #expect(read == "begin " + pieces.joined() + "end.")
        for written in all { try await written.get() }

        let before = try await connection.channelWrites
        for word in ["five ", "six ", "seven."] { try await connection.write(word) }
        #expect(try await peer.read(until: "seven.") == "five six seven.")
        #expect(try await connection.channelWrites == before + 1)
    }

    @Test func aBrokenConnectionEndsTheChannel() async throws {
        let (connection, peer) = try await writingPast()
        // Then only a write detects it.
        try await connection.channel.setOption(.autoRead, value: false).get()
        try await peer.reset()
        var failed = false
        for _ in 0..<100 where !failed {
            for written in try await connection.write("into the void") {
                do { try await written.get() } catch { failed = true }
            }
        }
        #expect(failed)
        try await connection.channel.closeFuture.get()
    }

    /// A channel is closed after a flush and before the end of the tick, and its descriptor number is reused immediately.
    @Test func writesNothingToAReusedDescriptor() async throws {
        // Another thread may take the number first, but hardly ever every time.
        for _ in 0..<50 where try await numberIsTaken() { return }
        Issue.record("the socket's number was never to be had")
    }

    private func numberIsTaken() async throws -> Bool {
        let (connection, _) = try await writingPast()
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, streamSocket, 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let (late, taken) = try await connection.closeAfterWriting("a secret", givingItsNumberTo: ends[0])
        defer { if let taken { close(taken) } }
        await #expect(throws: (any Error).self) { try await late.get() }
        guard taken != nil else { return false }
        var byte: UInt8 = 0
        #expect(recv(ends[1], &byte, 1, Int32(MSG_DONTWAIT)) == -1, "the new owner of the number has got nothing")
        return true
    }

    @Test func writesNothingAfterTheChannelIsClosed() async throws {
        let (connection, _) = try await writingPast()
        for isClosing in [true, false] {
            for written in try await connection.write(["late"], afterClosing: isClosing) {
                await #expect(throws: (any Error).self) { try await written.get() }
            }
        }
    }
}

#if canImport(Darwin)
private let streamSocket = SOCK_STREAM
#else
private let streamSocket = Int32(SOCK_STREAM.rawValue)
#endif
