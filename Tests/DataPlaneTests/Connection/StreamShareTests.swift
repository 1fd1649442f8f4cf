import Logging
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import SimpleAICore
import Testing

@testable import DataPlane

/// All HTTP/2 streams but the first of each connection are shared among addresses.
@Suite struct StreamShareTests {
    private static let greedy = Peer.v4(1)
    private static let other = Peer.v4(2)

    private let connections = ClientConnections(
        capacity: 100, admissions: AdmissionMetrics(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    private func entry(of peer: Peer?) throws -> ClientConnectionEntry {
        try #require(connections.admit(EmbeddedChannel(), from: peer))
    }

    /// - Returns: how many of them were admitted.
    private func begin(_ count: Int, _ entry: ClientConnectionEntry) -> Int {
        (0..<count).count { _ in entry.beginStream() }
    }

    @Test func anAddressHasItsShareHoweverManyConnectionsItHas() throws {
        let places = try (0..<10).map { _ in try entry(of: Self.greedy) }
        #expect(places.reduce(0) { $0 + begin(100, $1) } == 512, "half of what there is")
        let next = try entry(of: Self.greedy)
        #expect(!next.beginStream())
        places[0].endStream()
        #expect(next.beginStream(), "what is given back can be had again")
        #expect(!next.beginStream())
        #expect(begin(150, try entry(of: Self.other)) == 150, "another address")
    }

    /// A connection's advertised limit (`SETTINGS_MAX_CONCURRENT_STREAMS`) holds as long as the shared capacity
    /// lasts.
    @Test func everyConnectionHasItsAdvertisedStreams() throws {
        for number in 1...5 { #expect(begin(100, try entry(of: Peer.v4(UInt32(number)))) == 100) }
        #expect(begin(100, try entry(of: Self.greedy)) > 0)
        #expect(begin(100, try entry(of: Peer.v4(77))) == 100)
    }

    /// A trusted proxy represents many clients: its streams count, but have no share.
    @Test func aTrustedProxyIsNotOneHolder() throws {
        #expect(begin(2_000, try entry(of: nil)) == 1_024)
        #expect(begin(1, try entry(of: Self.other)) == 0)
    }

    // MARK: One connection

    @Test func theFirstStreamUsesThePlaceOfItsConnection() throws {
        let watch = HTTP2ConnectionGuard(
            idleTimeout: .seconds(60), drain: .seconds(30), entry: try entry(of: Self.greedy),
            on: EmbeddedEventLoop())
        let crowd = try entry(of: Self.greedy)
        #expect(begin(600, crowd) == 512)
        // The library initialises a stream before it announces it.
        #expect(watch.admits(EmbeddedChannel()))
        watch.streamBegan()
        #expect(!watch.admits(EmbeddedChannel()), "its address has its share")
        crowd.endStream()
        let stream = EmbeddedChannel()
        try stream.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        #expect(watch.admits(stream))
        #expect(!crowd.beginStream())
        try stream.close().wait()
        stream.embeddedEventLoop.run()
        #expect(crowd.beginStream(), "a stream that is over gives its place back")
    }

    /// The client may retry a refused stream (RFC 9113 §8.7), so the gateway processes no part of it.
    @Test func aStreamWithoutAPlaceIsRefused() throws {
        let stream = EmbeddedChannel(handler: StreamRules(maxHead: 1_024, isAdmitted: false))
        let head = HTTP2Frame.FramePayload.headers(.init(headers: [":method": "GET"]))
        try stream.writeInbound(head)
        try stream.writeInbound(HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer(string: "x")))))
        #expect(try stream.readInbound(as: HTTP2Frame.FramePayload.self) == nil)
        guard case .rstStream(.refusedStream)? = try stream.readOutbound(as: HTTP2Frame.FramePayload.self) else {
            Issue.record("it was not refused")
            return
        }
        #expect(try stream.readOutbound(as: HTTP2Frame.FramePayload.self) == nil)
    }
}
