import NIOCore
import NIOPosix
import NIOSSL
import SimpleAICore
import Testing

@testable import StandIn
@testable import WebSocketTransport

@Suite struct RealSocketTests {
    private func connect(
        _ address: WebSocketAddress, tls: NIOSSLContext? = nil, _ change: (inout WebSocketOptions) -> Void = { _ in }
    ) async throws -> WebSocketConnection {
        var options = WebSocketOptions()
        change(&options)
        return try await WebSocketClient.connect(
            to: address, tls: tls, options: options, on: MultiThreadedEventLoopGroup.singleton)
    }

    @Test func bothSidesExchangeMessages() async throws {
        try await EchoServer.with { server in
            let connection = try await connect(try server.address("/echo?x=1"))
            var messages = connection.messages.makeAsyncIterator()
            let large = String(repeating: "ä", count: 400_000)
            for text in ["hello", "", large] {
                connection.send(text)
                #expect(await messages.next() == .text(text))
            }
            #expect(connection.end == nil)
            connection.close()
            #expect(await messages.next() == nil)
            #expect(connection.end == .closedByUs)
        }
    }

    @Test func messagesOfTheServerArriveInOrder() async throws {
        try await EchoServer.with { server in
            let connection = try await connect(try server.address())
            connection.send("burst")
            var received: [WebSocketMessage] = []
            for await message in connection.messages {
                received.append(message)
                if received.count == 100 { connection.send("bye") }
            }
            #expect(received == (0..<100).map { .text("\($0)") })
            #expect(connection.end == .closedByPeer(code: 1001, reason: ""))
        }
    }

    @Test func unreadMessagesCloseTheConnection() async throws {
        try await EchoServer.with { server in
            let connection = try await connect(try server.address()) { $0.maxUnread = 10 }
            connection.send("burst")
            // Read only after the end: until then all messages stay in the buffer.
            try await connection.socket.closed.get()
            var received = 0
            for await _ in connection.messages { received += 1 }
            #expect(received == 10)
            #expect(connection.end == .closedByUs)
        }
    }

    @Test func aServerThatVanishesIsDetected() async throws {
        try await EchoServer.with { server in
            let connection = try await connect(try server.address())
            connection.send("vanish")
            for await _ in connection.messages {}
            #expect(connection.end == .lost)
        }
    }

    @Test func otherPathsGetHTTPResponses() async throws {
        try await EchoServer.with { server in
            let address = try server.address("/other")
            await #expect(throws: WebSocketConnectError.refused(status: 418)) { try await connect(address) }
        }
    }

    @Test func aRejectedUpgradeGetsAnHTTPResponse() async throws {
        try await EchoServer.with(admits: false) { server in
            let address = try server.address()
            await #expect(throws: WebSocketConnectError.refused(status: 418)) { try await connect(address) }
        }
    }

    @Test func failsWithoutAServer() async throws {
        let port = try await EchoServer.with { $0.port }
        let address = try #require(WebSocketAddress("ws://127.0.0.1:\(port)/echo"))
        await #expect { try await connect(address) } throws: { error in
            if case WebSocketConnectError.unreachable = error { true } else { false }
        }
    }

    @Test func abandonsASilentServer() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(WebSocketAddress("ws://127.0.0.1:\(silent.localAddress?.port ?? 0)/"))
        await #expect(throws: WebSocketConnectError.noHandshake) {
            try await connect(address) { $0.connectTimeout = .milliseconds(300) }
        }
        try await silent.close()
    }

    @Test func certificatesAreChecked() async throws {
        let certificate = try StandInCertificate(.ofAuthority)
        var trusting = TLSConfiguration.makeClientConfiguration()
        trusting.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(certificate.authority.utf8)))
        let context = try NIOSSLContext(configuration: trusting)
        try await EchoServer.with(tls: certificate.context) { server in
            let address = try server.address(scheme: "wss")
            let connection = try await connect(address, tls: context)
            var messages = connection.messages.makeAsyncIterator()
            connection.send("secret")
            #expect(await messages.next() == .text("secret"))
            connection.close()
            #expect(await messages.next() == nil)
            await #expect(throws: WebSocketConnectError.self) { try await connect(address) }
        }
    }

    @Test(arguments: [
        ("ws://gateway.lan:8080/ws/runners", false, "gateway.lan", 8080, "/ws/runners"),
        ("wss://gateway.lan", true, "gateway.lan", 443, "/"),
        ("WS://[::1]:81?x=1", false, "::1", 81, "/?x=1"),
    ])
    func addressesAreParsed(_ text: String, _ isSecure: Bool, _ host: String, _ port: Int, _ target: String) throws {
        let address = try #require(WebSocketAddress(text))
        #expect(address.isSecure == isSecure && address.host == host && address.port == port)
        #expect(address.target == target)
    }

    @Test(arguments: [
        "", "ws://", "http://a", "gateway.lan:8080", "ws://user@a/", "ws://a/#b", "ws://a:0/", "ws://a:65536/",
        "ws://a:x/", "ws://[::1/", "ws://[a]/", "ws://a b/", "ws://a/\r\nX: y",
    ])
    func malformedAddressesAreRefused(_ text: String) {
        #expect(WebSocketAddress(text) == nil)
    }
}
