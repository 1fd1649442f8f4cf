import NIOCore
import NIOEmbedded
import Testing

@testable import DataPlane

/// Connections whose TLS handshake is not complete carry no request.
@Suite struct HandshakeGuardTests {
    private func connection() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: HandshakeGuard(timeout: .seconds(60)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func anIncompleteHandshakeEndsAfterTheTimeout() throws {
        let channel = try connection()
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func shutdownAndEvictionCloseIt() throws {
        let (drained, evicted) = (try connection(), try connection())
        drained.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        evicted.pipeline.fireUserInboundEventTriggered(ConnectionEviction())
        #expect(!drained.isActive && !evicted.isActive)
    }

    @Test func removalStopsTheTimeout() throws {
        let channel = try connection()
        let handler = try channel.pipeline.syncOperations.handler(type: HandshakeGuard.self)
        try channel.pipeline.syncOperations.removeHandler(handler).wait()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }
}
