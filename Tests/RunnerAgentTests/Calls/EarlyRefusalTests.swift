import NIOCore
import NIOEmbedded
import NIOHTTP1
import Relay
import SimpleAICore
import Testing

@testable import RunnerAgent

/// An agent refuses a request before it has received the whole body.
@Suite struct EarlyRefusalTests {
    private let services = CallServices(
        roster: EngineRoster([], logger: .silent), counts: CallCounts(), secret: "s", logger: .silent)

    private func begin(
        _ headers: HTTPHeaders, path: String = "/v1/chat/completions", _ more: [any ChannelHandler] = []
    ) throws -> EmbeddedChannel {
        services.demandSecret(false)
        let channel = EmbeddedChannel(handlers: more + [CallHandler(services)])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(
            HTTPServerRequestPart.head(
                HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: headers)))
        return channel
    }

    private func send(_ count: Int, to channel: EmbeddedChannel) throws {
        try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(repeating: 0x20, count: count)))
    }

    private func head(from channel: EmbeddedChannel) throws -> HTTPResponseHead? {
        guard case .head(let head)? = try channel.readOutbound(as: HTTPServerResponsePart.self) else { return nil }
        return head
    }

    private static let tooLong = CallServices.maxBody.bytes + 1

    @Test(
        arguments: [
            ("/v1/chat/completions", ["Content-Length": "\(tooLong)"], 413),
            ("/v1/other", ["Content-Length": "\(tooLong)"], 404),
            ("/v1/other", ["Transfer-Encoding": "chunked"], 404),
            ("/v1/other", ["Content-Length": "2", "Expect": "100-continue"], 404),
            ("/v1/images/edits", ["Content-Length": "70000", "Content-Type": "multipart/form-data"], 400),
        ] as [(String, HTTPHeaders, Int)])
    func aLongBodyIsNotAwaited(path: String, headers: HTTPHeaders, status: Int) throws {
        let channel = try begin(headers, path: path)
        let response = try #require(try head(from: channel))
        #expect(response.status.code == UInt(status))
        #expect(response.headers["connection"] == ["close"])
        // What the gateway sends nevertheless is discarded: a reset could reach it before the response.
        try send(1 << 20, to: channel)
        #expect(channel.isActive)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        #expect(!channel.isActive)
        #expect(services.budget.bytesInUse == 0)
    }

    @Test func aShortBodyKeepsTheConnection() throws {
        let channel = try begin(["Content-Length": "100"], path: "/v1/other")
        #expect(try head(from: channel) == nil)
        try send(100, to: channel)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        let response = try #require(try head(from: channel))
        #expect(response.status == .notFound && !response.headers.contains(name: "connection"))
        #expect(channel.isActive)
    }

    @Test func aBodyThatTurnsOutToBeTooLongIsRefusedAtOnce() throws {
        let channel = try begin(["Transfer-Encoding": "chunked"])
        for _ in 0..<CallServices.maxBody.bytes >> 20 { try send(1 << 20, to: channel) }
        #expect(try head(from: channel) == nil)
        try send(1, to: channel)
        #expect(try head(from: channel)?.status == .payloadTooLarge)
        #expect(channel.isActive && services.budget.bytesInUse == 0)
    }

    /// Holds the promises of writes, like a socket whose peer does not read.
    private final class SlowWrites: ChannelOutboundHandler {
        typealias OutboundIn = HTTPServerResponsePart
        typealias OutboundOut = HTTPServerResponsePart
        var promises: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if let promise { promises.append(promise) }
            context.write(data, promise: nil)
        }
    }

    /// The end of the request does not truncate a response that is still being sent.
    @Test func theConnectionClosesAfterTheResponse() throws {
        let writes = SlowWrites()
        let channel = try begin(["Content-Length": "\(Self.tooLong)"], [writes])
        #expect(try head(from: channel)?.status == .payloadTooLarge)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        #expect(channel.isActive)
        try #require(writes.promises.count == 1)
        writes.promises[0].succeed()
        #expect(!channel.isActive)
    }
}
