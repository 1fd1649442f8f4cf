import NIOCore
import NIOPosix
import SimpleAICore
import Testing

@testable import WakeOnLAN

/// The relay and the web hook, over real sockets on loopback.
@Suite(.timeLimit(.minutes(2))) struct WakeMethodsTests {
    private let ways = WakeMethods(searchPath: "/usr/bin:/bin")
    private let mac: MACAddress

    init() throws {
        mac = try #require(MACAddress("52-54-00-12-34-56"))
    }

    @Test func theRelayReceivesOneLine() async throws {
        try await withListener(answering: "") { port, received in
            try await ways.perform(
                .relay(WakeRelayRequest(host: "127.0.0.1", port: port, mac: mac, broadcast: "192.168.1.255")))
            #expect(try await received.get() == "52:54:00:12:34:56 192.168.1.255\n")
        }
    }

    @Test func theWebHookGetsARequestWithoutABody() async throws {
        try await withListener(answering: "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") { port, received in
            try await ways.perform(hook("POST", "http://127.0.0.1:\(port)/api/webhook/x?a=b"))
            let request = try await received.get()
            #expect(request.hasPrefix("POST /api/webhook/x?a=b HTTP/1.1\r\n"))
            #expect(request.contains("Host: 127.0.0.1:\(port)\r\n"))
            #expect(request.contains("Content-Length: 0\r\n"))
            #expect(request.hasSuffix("\r\n\r\n"))
        }
    }

    /// Redirects are not followed: the operator has stated the address.
    @Test(arguments: ["404 Not Found", "500 Oops", "302 Found\r\nLocation: http://127.0.0.1:1/"])
    func anyOtherStatusIsAFailure(_ status: String) async throws {
        let answer = "HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        try await withListener(answering: answer) { port, _ in
            let expected = PowerError.failed(
                address: "127.0.0.1", reason: "its webhook returned status \(status.prefix(3))")
            await #expect(throws: expected) { try await ways.perform(hook("GET", "http://127.0.0.1:\(port)/")) }
        }
    }

    @Test func aHookThatClosesTheConnectionIsAFailure() async throws {
        try await withListener(answering: "") { port, _ in
            await #expect(throws: PowerError.self) {
                try await ways.perform(hook("GET", "http://127.0.0.1:\(port)/secret"))
            }
        }
    }

    @Test func anUnreachableHookFailsWithoutNamingSecrets() async throws {
        // A port that was free a moment ago.
        var free = 0
        try await withListener(answering: "") { port, _ in free = port }
        let relay = PowerMethod.relay(
            WakeRelayRequest(host: "127.0.0.1", port: free, mac: mac, broadcast: "10.0.0.255"))
        for way in [relay, hook("POST", "http://127.0.0.1:\(free)/secret")] {
            let error = await #expect(throws: PowerError.self) { try await ways.perform(way) }
            #expect(error.map { "\($0)".contains("secret") } == false)
            #expect(!"\(way)".contains("secret"))
        }
    }

    private func hook(_ method: String, _ url: String) -> PowerMethod {
        .http(PowerHookRequest(method: method, url: url, host: "127.0.0.1"))
    }
}

/// Accepts connections, responds to the first bytes of each with a text and closes; returns the bytes of the first.
private func withListener(
    answering answer: String, _ body: (Int, EventLoopFuture<String>) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let received = group.next().makePromise(of: String.self)
    let server = try await ServerBootstrap(group: group)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Answering(answer, received))
            }
        }
        .bind(host: "127.0.0.1", port: 0)
        .get()
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(try #require(server.localAddress?.port), received.futureResult))
    } catch {
        result = .failure(error)
    }
    received.fail(ChannelError.eof)
    // Closed when this function returns: tests rely on the port being free afterwards.
    try await server.close()
    try result.get()
}

private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private let received: EventLoopPromise<String>

    init(_ answer: String, _ received: EventLoopPromise<String>) {
        self.answer = answer
        self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.succeed(String(buffer: unwrapInboundIn(data)))
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: written)
    }
}
