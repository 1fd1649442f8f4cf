import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

/// A connection without a control-plane request. (`RouteTests` and others send some.)
@Suite struct ControlPlaneAttachmentTests {
    private struct Broken: Error {}

    /// - Parameter isAttached: set when the control plane is attached or the connection has ended without: whether it is.
    private func channel(_ isAttached: @escaping @Sendable (Bool) -> Void) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let attached = channel.eventLoop.makePromise(of: ControlConnection?.self)
        attached.futureResult.whenSuccess { isAttached($0 != nil) }
        try channel.pipeline.syncOperations.addHandler(
            ControlPlaneAttachment(isSecure: false, logger: Logger(label: "test"), attached: attached))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func aClientThatEndsItsInputIsDone() throws {
        nonisolated(unsafe) var outcomes: [Bool] = []
        let channel = try channel { outcomes.append($0) }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
        channel.embeddedEventLoop.run()
        #expect(channel.isActive && outcomes.isEmpty, "only the end of input ends it")
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(outcomes == [false], "its task must end")
    }

    @Test func aConnectionThatEndsOtherwiseEndsItsTask() throws {
        for ending in [{ $0.pipeline.fireErrorCaught(Broken()) }, { $0.close(promise: nil) }]
            as [(EmbeddedChannel) -> Void]
        {
            nonisolated(unsafe) var outcomes: [Bool] = []
            let channel = try channel { outcomes.append($0) }
            ending(channel)
            channel.embeddedEventLoop.run()
            #expect(!channel.isActive && outcomes == [false])
        }
    }
}
