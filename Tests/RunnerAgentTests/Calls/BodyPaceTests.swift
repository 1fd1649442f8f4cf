import NIOCore
import NIOEmbedded
import NIOHTTP1
import Relay
import SimpleAICore
import Testing

@testable import RunnerAgent

/// The minimum rate of a request body to an agent. The test controls the event loop's clock.
@Suite struct BodyPaceTests {
    private let services = CallServices(
        roster: EngineRoster([], logger: .silent), counts: CallCounts(), secret: "s", logger: .silent)

    /// A connection on which a request has begun.
    private func begin(length: Int, path: String = "/v1/chat/completions") throws -> EmbeddedChannel {
        services.demandSecret(false)
        let channel = EmbeddedChannel(handler: CallHandler(services))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(
            HTTPServerRequestPart.head(
                HTTPRequestHead(
                    version: .http1_1, method: .POST, uri: path,
                    headers: ["Content-Length": "\(length)"])))
        return channel
    }

    private func send(_ text: String, to channel: EmbeddedChannel) throws {
        try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: text)))
    }

    @Test func closesTheConnectionIfNoBodyArrivesInTheGracePeriod() throws {
        let channel = try begin(length: 1_000)
        try send("{\"x\":\"", to: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(74))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
        #expect(services.budget.bytesInUse == 0, "what was held of it is given back")
    }

    @Test func closesTheConnectionIfABodyTrickles() throws {
        let channel = try begin(length: 1_000)
        try send("{\"x\":\"", to: channel)
        for _ in 0..<16 where channel.isActive {
            channel.embeddedEventLoop.advanceTime(by: .seconds(5))
            if channel.isActive { try send("x", to: channel) }
        }
        #expect(!channel.isActive)
        #expect(services.budget.bytesInUse == 0)
    }

    @Test func waitsForABodyThatArrivesSteadily() throws {
        let channel = try begin(length: 1 << 20)
        try send("{\"x\":\"", to: channel)
        let part = String(repeating: "x", count: 4 << 10)
        for _ in 0..<100 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(8))
            try #require(channel.isActive)
            try send(part, to: channel)
        }
        try send("\"}", to: channel)
        // The body's end ends the check: the gateway limits the engine's time.
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        guard case .head(let head)? = try channel.readOutbound(as: HTTPServerResponsePart.self) else {
            Issue.record("there was no answer")
            return
        }
        #expect(head.status == .badRequest, "it names no model")
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }

    /// The body of a request that is refused at its head, or while the body arrives, is discarded.
    @Test(arguments: ["/v1/other", "/v1/chat/completions"]) func aDiscardedBodyHasThePaceOfAnyOther(path: String) throws
    {
        let channel = try begin(length: 1_000, path: path)
        try send("no JSON", to: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(74))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
    }

    @Test func aDiscardedBodyIsNoLargerThanAnyOther() throws {
        let channel = try begin(length: 1 << 40, path: "/v1/other")
        let part = ByteBuffer(repeating: 0x20, count: 1 << 20)
        for _ in 0..<CallServices.maxBody.bytes >> 20 { try channel.writeInbound(HTTPServerRequestPart.body(part)) }
        #expect(channel.isActive)
        try channel.writeInbound(HTTPServerRequestPart.body(part))
        #expect(!channel.isActive)
    }

    @Test func theEndOfADiscardedBodyEndsTheCheck() throws {
        let channel = try begin(length: 2, path: "/v1/other")
        try send("{}", to: channel)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }
}
