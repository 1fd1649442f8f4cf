import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import Relay

@Suite(.timeLimit(.minutes(1))) struct AcceptErrorHandlerTests {
    /// Real sockets: the test covers the channel's behaviour.
    @Test func pausesAndResumesAcceptingAfterExhaustion() async throws {
        let isExhausted = Atomic(false)
        let checks = Atomic(0)
        let (changes, report) = AsyncStream.makeStream(of: AcceptErrorHandler.Change.self)
        let (accepted, accept) = AsyncStream.makeStream(of: Void.self)
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptErrorHandler(
                            isExhausted: {
                                checks.add(1, ordering: .relaxed)
                                return isExhausted.load(ordering: .relaxed)
                            },
                            onChange: { report.yield($0) }))
                }
            }
            .childChannelInitializer { channel in
                accept.yield()
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        func connect() async throws -> any Channel {
            try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        }
        var clients = [try await connect()]
        var accepts = accepted.makeAsyncIterator()
        await accepts.next()

        // Accepting fails: no connection is accepted, and the failing call is not repeated during the pause.
        isExhausted.store(true, ordering: .relaxed)
        try await listener.eventLoop.submit {
            listener.pipeline.fireErrorCaught(IOError(errnoCode: EMFILE, reason: "accept"))
        }.get()
        var news = changes.makeAsyncIterator()
        guard case .paused? = await news.next() else {
            Issue.record("no pause was reported")
            return
        }
        clients.append(try await connect())
        let before = checks.load(ordering: .relaxed)
        // The client waits in the backlog; the event loop runs other tasks for two pauses.
        try await listener.eventLoop.scheduleTask(in: .milliseconds(600)) {}.futureResult.get()
        #expect(checks.load(ordering: .relaxed) - before <= 4)

        isExhausted.store(false, ordering: .relaxed)
        await accepts.next()
        #expect(await news.next() == .resumed)
        for client in clients { try await client.close() }
        try await listener.close()
    }

    /// The second of two errors in one pause is 100 ms later; the end of its own pause would end the next one after 100 ms.
    @Test func anErrorDuringAPauseDoesNotShortenTheNextOne() throws {
        var isExhausted = false
        var attempts = 0
        let channel = EmbeddedChannel(handlers: [
            ReadCounter { attempts += 1 }, AcceptErrorHandler(isExhausted: { isExhausted }, onChange: { _ in }),
        ])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let failure = IOError(errnoCode: EMFILE, reason: "accept")
        channel.pipeline.fireErrorCaught(failure)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
        channel.pipeline.fireErrorCaught(failure)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(149))
        #expect(attempts == 0)
        // The first pause ends; the attempt to accept fails again.
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(attempts == 1)
        isExhausted = true
        channel.pipeline.fireErrorCaught(failure)
        isExhausted = false
        attempts = 0
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(249))
        #expect(attempts == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(attempts == 1)
    }

    @Test func aPauseIsReportedOnceAndEndsOnce() {
        var state = AcceptState()
        expect(state.exhausted(), [.report, .scheduleEnd])
        state.readRequested()
        expect(state.exhausted(), [])
        expect(state.resumed(), true)
        expect(state.resumed(), nil)
        // No connection was accepted in between: this is the same shortage.
        expect(state.exhausted(), .scheduleEnd)
        expect(state.resumed(), false)
        expect(state.accepted(), true)
        expect(state.accepted(), false)
        expect(state.exhausted(), [.report, .scheduleEnd])
    }
}

/// Counts the attempts to accept.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = any Channel

    private let onRead: () -> Void

    init(_ onRead: @escaping () -> Void) { self.onRead = onRead }

    func read(context: ChannelHandlerContext) { onRead() }
}

/// `#expect` accepts no mutating call.
private func expect<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
