import NIOCore
import NIOEmbedded
import SimpleAICore
import Testing

@testable import WakeOnLAN

/// The time of an attempt on a controlled clock.
@Suite struct AttemptDeadlineTests {
    private let eventLoop = EmbeddedEventLoop()
    private let deadline = AttemptDeadline(limit: .seconds(10))

    private func attempt(_ connection: EventLoopPromise<any Channel>) -> (failure: () -> String?, EventLoopPromise<Int>)
    {
        var failure: String?
        var handle: EventLoopPromise<Int>?
        let result = deadline.attempt(on: eventLoop) { promise in
            handle = promise
            return connection.futureResult
        }
        result.assumeIsolated().whenFailure { failure = AttemptDeadline.reason($0) }
        return ({ failure }, handle ?? eventLoop.makePromise())
    }

    @Test func connectingAndTheExchangeShareOneDeadline() throws {
        let connection = eventLoop.makePromise(of: (any Channel).self)
        let (failure, _) = attempt(connection)
        eventLoop.advanceTime(by: .seconds(9))
        let channel = EmbeddedChannel(loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        connection.succeed(channel)
        eventLoop.run()
        #expect(failure() == nil && channel.isActive)
        eventLoop.advanceTime(by: .seconds(1))
        #expect(failure() == "no response within 10.0 seconds")
        eventLoop.run()
        #expect(!channel.isActive)
    }

    @Test func aConnectionThatIsEstablishedTooLateIsClosed() throws {
        let connection = eventLoop.makePromise(of: (any Channel).self)
        let (failure, _) = attempt(connection)
        eventLoop.advanceTime(by: .seconds(10))
        #expect(failure() == "no response within 10.0 seconds")
        let channel = EmbeddedChannel(loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        connection.succeed(channel)
        eventLoop.run()
        #expect(!channel.isActive)
    }

    @Test func aResultEndsTheAttemptAndItsConnection() throws {
        let connection = eventLoop.makePromise(of: (any Channel).self)
        let (failure, result) = attempt(connection)
        let channel = EmbeddedChannel(loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        connection.succeed(channel)
        result.succeed(204)
        eventLoop.run()
        #expect(!channel.isActive)
        eventLoop.advanceTime(by: .hours(1))
        #expect(failure() == nil)
    }

    @Test func aConnectionThatEndsIsAFailure() throws {
        let connection = eventLoop.makePromise(of: (any Channel).self)
        let (failure, _) = attempt(connection)
        let channel = EmbeddedChannel(loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        connection.succeed(channel)
        try channel.close().wait()
        eventLoop.run()
        #expect(failure() == "the connection was closed")
    }
}
