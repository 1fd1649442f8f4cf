import NIOCore
import SimpleAICore
import Testing

@testable import Relay

/// Kept connections on which the engine sends unsolicited bytes, and responses whose bodies stay open.
@Suite(.timeLimit(.minutes(5))) struct StaleConnectionTests {
    private let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private let answered: [Exchange.Event] = [.head(200), .bytes("ok"), .ended]
    private let timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    /// Completes one exchange and leaves its connection idle.
    private func prepared() async throws -> (Engine, Loop, Upstream, Peer) {
        let engine = try await Engine()
        let loop = try await Loop()
        let upstream = Upstream(runner: "r", host: "127.0.0.1", port: engine.port)
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send(answer)
        #expect(await exchange.all() == answered)
        return (engine, loop, upstream, peer)
    }

    /// The engine closes an idle connection while the request is on its way (RFC 9110 §15.5.9).
    @Test func a408OnAReusedConnectionIsStale() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("again", to: upstream)
        try await peer.read(until: "again")
        try await peer.send(timeout)
        #expect(await exchange.all() == [.failed(.staleConnection)])
        await peer.isLeft()
    }

    @Test func a408OnANewConnectionIsForwarded() async throws {
        let (engine, loop, upstream, _) = try await prepared()
        let exchange = try await loop.send("again", to: upstream, usesNewConnection: true)
        var peer = try await engine.accept()
        try await peer.read(until: "again")
        try await peer.send(timeout)
        #expect(await exchange.all() == [.head(408), .ended])
    }

    /// After any bytes on an idle connection, no further request is sent on it.
    @Test(arguments: [
        "HTTP/1.1 408 Request Timeout\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "\r\n", "x",
    ])
    func bytesOnAnIdleConnectionCloseIt(bytes: String) async throws {
        let (engine, loop, upstream, idle) = try await prepared()
        try await idle.send(bytes)
        await idle.isLeft()
        let exchange = try await loop.send("again", to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "again")
        try await peer.send(answer)
        #expect(await exchange.all() == answered)
    }

    // MARK: Responses that the caller has received completely

    private let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// A response that ends soon leaves a connection that is kept.
    @Test func keepsTheConnectionIfAReleasedResponseEnds() async throws {
        var (engine, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("stream", to: upstream)
        try await peer.read(until: "stream")
        try await peer.send(head + "2\r\nok\r\n")
        #expect(try await exchange.next() == .head(200))
        #expect(try await exchange.next() == .bytes("ok"))
        try await exchange.onLoop { $0.release() }
        try await peer.send("4\r\nmore\r\n0\r\n\r\n")
        // Earlier bytes are read before the response to a request that is sent now.
        let other = try await loop.send("other", to: upstream, usesNewConnection: true)
        var otherPeer = try await engine.accept()
        try await otherPeer.read(until: "other")
        try await otherPeer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        #expect(await other.all() == answered)
        let next = try await loop.send("again", to: upstream)
        try await peer.read(until: "again")
        try await peer.send(answer)
        #expect(await next.all() == answered)
        #expect(upstream.lastServedAt != nil)
    }

    @Test func closesTheConnectionIfAReleasedResponseStaysOpen() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("stream", to: upstream)
        try await peer.read(until: "stream")
        try await peer.send(head + "2\r\nok\r\n")
        #expect(try await exchange.next() == .head(200))
        #expect(try await exchange.next() == .bytes("ok"))
        try await exchange.onLoop { $0.release() }
        await peer.isLeft()
    }

    /// An engine that keeps sending is disconnected within a second.
    @Test func closesTheConnectionIfAReleasedResponseContinues() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("stream", to: upstream)
        try await peer.read(until: "stream")
        try await peer.send(head + "2\r\nok\r\n")
        #expect(try await exchange.next() == .head(200))
        try await exchange.onLoop { $0.release() }
        try? await peer.send("100000\r\n" + String(repeating: "x", count: 200_000))
        await peer.isLeft()
    }
}
