import NIOCore
import NIOHTTP1
import NIOPosix
import SimpleAICore
import Synchronization
import Testing

@testable import Relay

/// Over real sockets: actions of a runner on its connection, and their effect on the exchange and the next one.
@Suite(.timeLimit(.minutes(5))) struct UpstreamPoolTests {
    private let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private let answered: [Exchange.Event] = [.head(200), .bytes("ok"), .ended]

    private func start(readsAtOnce: Bool = true) async throws -> (Engine, Loop, Upstream) {
        let engine = try await Engine(readsAtOnce: readsAtOnce)
        return (engine, try await Loop(), Upstream(runner: "r", host: "127.0.0.1", port: engine.port))
    }

    /// Completes one exchange and leaves its connection idle.
    private func prepared() async throws -> (Engine, Loop, Upstream, Peer) {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send(answer)
        #expect(await exchange.all() == answered)
        return (engine, loop, upstream, peer)
    }

    // MARK: Keep-alive

    @Test func reusesAConnectionForTheNextExchange() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        for number in 1...3 {
            let exchange = try await loop.send("call \(number)", to: upstream)
            let request = try await peer.read(until: "call \(number)")
            #expect(request.hasPrefix("POST /call HTTP/1.1\r\n"))
            try await peer.send(answer)
            #expect(await exchange.all() == answered)
        }
    }

    @Test func opensANewConnectionOnRequest() async throws {
        let (engine, loop, upstream, _) = try await prepared()
        let exchange = try await loop.send(to: upstream, usesNewConnection: true)
        var second = try await engine.accept()
        try await second.read(until: "{}")
        try await second.send(answer)
        #expect(await exchange.all() == answered)
    }

    @Test func closeIdleClosesAllIdleConnections() async throws {
        let (engine, loop, upstream, first) = try await prepared()
        try await loop.onPool { $0.closeIdle() }
        await first.isLeft()
        var kept: Peer?
        // A connection that is returned after that is kept again.
        for number in 1...2 {
            let exchange = try await loop.send("call \(number)", to: upstream)
            if number == 1 { kept = try await engine.accept() }
            try await kept?.read(until: "call \(number)")
            try await kept?.send(answer)
            #expect(await exchange.all() == answered)
        }
    }

    /// Calls in progress continue, and their connections are not kept.
    @Test func keepsNoConnectionOfARetiredRunner() async throws {
        let (engine, loop, upstream, idle) = try await prepared()
        let exchange = try await loop.send("under way", to: upstream, usesNewConnection: true)
        var busy = try await engine.accept()
        try await busy.read(until: "under way")
        try await loop.onPool { pool in
            upstream.retire()
            pool.closeIdle(of: upstream)
        }
        await idle.isLeft()
        try await busy.send(answer)
        #expect(await exchange.all() == answered)
        await busy.isLeft()
    }

    @Test func concurrentExchangesUseSeparateConnections() async throws {
        let (engine, loop, upstream) = try await start()
        let first = try await loop.send("one", to: upstream)
        var firstPeer = try await engine.accept()
        let second = try await loop.send("two", to: upstream)
        var secondPeer = try await engine.accept()
        try await firstPeer.read(until: "one")
        try await secondPeer.read(until: "two")
        try await secondPeer.send(answer)
        #expect(await second.all() == answered)
        try await firstPeer.send(answer)
        #expect(await first.all() == answered)
    }

    @Test func aReusedConnectionClosedBeforeAResponseIsStale() async throws {
        for reset in [false, true] {
            var (_, loop, upstream, peer) = try await prepared()
            let exchange = try await loop.send("again", to: upstream)
            try await peer.read(until: "again")
            if reset { try await peer.reset() } else { try await peer.finish() }
            #expect(await exchange.all() == [.failed(.staleConnection)])
        }
    }

    /// A part of the response has arrived, so it is unknown whether the request was carried out.
    @Test func aReusedConnectionClosedDuringTheHeadIsNotStale() async throws {
        for reset in [false, true] {
            var (_, loop, upstream, peer) = try await prepared()
            let exchange = try await loop.send("again", to: upstream)
            try await peer.read(until: "again")
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Le")
            if reset { try await peer.reset() } else { try await peer.finish() }
            let events = await exchange.all()
            guard case .failed(let failure) = events.last else {
                Issue.record("\(events)")
                return
            }
            #expect(failure != .staleConnection && events.count == 1)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func aConnectionThatTheEngineWillCloseIsNotKept(answer: String) async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send(answer)
        #expect(await exchange.all() == answered)
        await peer.isLeft()
    }

    @Test func onlyACompleteResponseMarksTheEngineHealthy() async throws {
        for head in ["503 Busy\r\nContent-Length: 2", "200 OK\r\nContent-Length: 4"] {
            let (engine, loop, upstream) = try await start()
            let exchange = try await loop.send(to: upstream)
            var peer = try await engine.accept()
            try await peer.read(until: "{}")
            try await peer.send("HTTP/1.1 \(head)\r\n\r\nha")
            try await peer.finish()
            _ = await exchange.all()
            #expect(upstream.lastServedAt == nil && upstream.lastContactAt != nil, "\(head)")
        }
        let began = NIODeadline.now()
        let (_, _, upstream, _) = try await prepared()
        let served = try #require(upstream.lastServedAt)
        #expect(served >= began && served <= .now())
    }

    @Test func bytesAfterTheResponseCloseTheConnection() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("again", to: upstream)
        try await peer.read(until: "again")
        try await peer.send(answer + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        #expect(await exchange.all() == answered)
        await peer.isLeft()
    }

    @Test func bytesWithoutARequestCloseTheConnection() async throws {
        let (_, _, _, peer) = try await prepared()
        try await peer.send(answer)
        await peer.isLeft()
    }

    // MARK: Responses

    @Test func forwardsTheResponseAsItArrives() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("again", to: upstream)
        try await peer.read(until: "again")
        try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try await exchange.next() == .head(200))
        try await peer.send("3\r\none\r\n")
        #expect(try await exchange.next() == .bytes("one"))
        try await peer.send("3\r\ntwo\r\n")
        #expect(try await exchange.next() == .bytes("two"))
        try await peer.send("0\r\n\r\n")
        #expect(try await exchange.next() == .ended)
    }

    @Test func ignoresInterimResponses() async throws {
        var (_, loop, upstream, peer) = try await prepared()
        let exchange = try await loop.send("again", to: upstream)
        try await peer.read(until: "again")
        try await peer.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer)
        #expect(await exchange.all() == answered)
    }

    @Test func aBodyEndedByTheConnectionIsComplete() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send("HTTP/1.0 200 OK\r\n\r\nok")
        try await peer.finish()
        #expect(await exchange.all() == answered)
    }

    @Test func aResetDoesNotCompleteABody() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send("HTTP/1.0 200 OK\r\n\r\nok")
        #expect(try await exchange.next() == .head(200))
        #expect(try await exchange.next() == .bytes("ok"))
        try await peer.reset()
        #expect(try await exchange.next() == .failed(.closedDuringResponse))
    }

    @Test(arguments: ["Content-Length: 9", "Transfer-Encoding: chunked"], [false, true])
    func reportsAConnectionThatBreaksInsideTheBody(framing: String, reset: Bool) async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n2\r\nok\r\n")
        #expect(try await exchange.next() == .head(200))
        guard case .bytes = try await exchange.next() else {
            Issue.record("no body")
            return
        }
        if reset { try await peer.reset() } else { try await peer.finish() }
        #expect(await exchange.all().last == .failed(.closedDuringResponse))
    }

    @Test func aNewConnectionClosedBeforeAResponseIsNotStale() async throws {
        for reset in [false, true] {
            let (engine, loop, upstream) = try await start()
            let exchange = try await loop.send(to: upstream)
            var peer = try await engine.accept()
            try await peer.read(until: "{}")
            if reset { try await peer.reset() } else { try await peer.finish() }
            #expect(await exchange.all() == [.failed(.closedBeforeResponse)])
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    ])
    func malformedResponsesAreReportedAndTheirConnectionsClosed(nonsense: String) async throws {
        for isReused in [false, true] {
            var (engine, loop, upstream, peer) = try await prepared()
            let exchange = try await loop.send("again", to: upstream, usesNewConnection: !isReused)
            if !isReused { peer = try await engine.accept() }
            try await peer.read(until: "again")
            try await peer.send(nonsense)
            guard case .failed(.malformed) = await exchange.all().last else {
                Issue.record("reused: \(isReused)")
                continue
            }
            await peer.isLeft()
        }
    }

    @Test func closesTheConnectionAfterAResponseToAnUnreadRequest() async throws {
        let (engine, loop, upstream) = try await start(readsAtOnce: false)
        let body = String(repeating: "x", count: 32 << 20)  // more than both sockets hold
        async let accepted = engine.accept()
        let exchange = try await loop.send(body, to: upstream)
        let peer = try await accepted
        try await peer.send(answer)
        #expect(await exchange.all() == answered)
        try await peer.channel.setOption(.autoRead, value: true).get()
        await peer.isLeft()
    }

    // MARK: Unreachable runners

    @Test func reportsARefusedConnection() async throws {
        let (engine, loop, upstream) = try await start()
        try await engine.stopListening()
        let exchange = try await loop.send(to: upstream)
        #expect(await exchange.all() == [.failed(.refused)])
        let named = Upstream(runner: "r", host: "localhost", port: engine.port)
        let second = try await loop.send(to: named)
        #expect(await second.all() == [.failed(.refused)])
    }

    @Test func reportsAnUnknownHostAsUnreachable() async throws {
        let loop = try await Loop()
        let exchange = try await loop.send(to: Upstream(runner: "r", host: "absent.invalid", port: 80))
        guard case .failed(.unreachable) = await exchange.all().first else {
            Issue.record("not unreachable")
            return
        }
    }

    // MARK: Timeouts

    @Test func firstByteTimeoutEndsTheExchange() async throws {
        let (engine, loop, upstream) = try await start()
        let limits = UpstreamTimeouts(connect: .seconds(20), firstByte: .milliseconds(60), gap: .seconds(20))
        let exchange = try await loop.send(to: upstream, timeouts: limits)
        let peer = try await engine.accept()
        #expect(await exchange.all() == [.failed(.firstByteTimeout)])
        await peer.isLeft()
    }

    /// A head is not a first byte of the body.
    @Test func aHeadDoesNotStopTheFirstByteTimeout() async throws {
        let (engine, loop, upstream) = try await start()
        let limits = UpstreamTimeouts(connect: .seconds(20), firstByte: .milliseconds(60), gap: .seconds(20))
        let exchange = try await loop.send(to: upstream, timeouts: limits)
        let peer = try await engine.accept()
        try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        #expect(await exchange.all().last == .failed(.firstByteTimeout))
        await peer.isLeft()
    }

    /// The gap timeout applies from the first byte on, however long the first-byte timeout is.
    @Test func gapTimeoutEndsTheExchange() async throws {
        let (engine, loop, upstream) = try await start()
        let limits = UpstreamTimeouts(connect: .seconds(20), firstByte: .hours(1), gap: .milliseconds(60))
        let exchange = try await loop.send(to: upstream, timeouts: limits)
        let peer = try await engine.accept()
        try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")
        #expect(await exchange.all() == [.head(200), .bytes("ok"), .failed(.gapTimeout)])
        await peer.isLeft()
    }

    // MARK: Cancelling

    @Test func cancellingClosesTheConnectionAndIsFinal() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")
        #expect(try await exchange.next() == .head(200))
        #expect(try await exchange.next() == .bytes("ok"))
        try await exchange.onLoop {
            $0.cancel()
            $0.cancel()
        }
        await peer.isLeft()
        // The recorder is released without a final event, which ends the stream.
        #expect(await exchange.all() == [])
    }

    @Test func cancellingWhileConnectingLeavesNoConnection() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.eventLoop.submit { [loop] in
            let exchangeHandle = ExchangeHandle()
            try #require(loop.pool.value).send(
                UpstreamRequest(head: .init(version: .http1_1, method: .POST, uri: "/"), body: ByteBuffer()),
                to: upstream, for: Deaf(), exchangeHandle: exchangeHandle, timeouts: Loop.patient)
            exchangeHandle.cancel()
            return NIOLoopBound(exchangeHandle, eventLoop: loop.eventLoop)
        }.get()
        let peer = try await engine.accept()
        await peer.isLeft()
        _ = exchange
    }

    private final class Deaf: UpstreamResponseReceiver {
        func responseHeadReceived(_ head: HTTPResponseHead) { Issue.record("answered after cancelling") }
        func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) { Issue.record("sent after cancelling") }
        func responseEndReceived() { Issue.record("ended after cancelling") }
        func upstreamFailed(_ failure: UpstreamFailure) { Issue.record("failed after cancelling") }
    }

    // MARK: Back-pressure

    @Test func pausingStopsTheEngineAndResumingLosesNoByte() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send(to: upstream, pausedFromTheStart: true)
        let peer = try await engine.accept()
        let pieces = 1024
        let piece = String(repeating: "x", count: 64 << 10)
        try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(pieces * piece.utf8.count)\r\n\r\n")
        let taken = Taken()
        let writing = Task {
            for _ in 0..<pieces {
                try await peer.send(piece)
                taken.count.withLock { $0 += 1 }
            }
        }
        // Other exchanges on the same event loop are the clock: while they complete, it would have read more.
        let (otherEngine, other) = (try await Engine(), Self.self)
        let otherUpstream = Upstream(runner: "o", host: "127.0.0.1", port: otherEngine.port)
        var before = -1
        while taken.now != before {
            before = taken.now
            for _ in 1...30 { try await other.roundTrip(loop, otherUpstream, otherEngine, answer) }
        }
        #expect(before < pieces / 2, "\(before) of \(pieces) pieces went into a connection whose peer does not read")

        try await exchange.onLoop { $0.resumeReading() }
        var received = 0
        loop: while true {
            switch try await exchange.next() {
            case .head: break
            case .bytes(let bytes): received += bytes.utf8.count
            case .ended: break loop
            case .failed(let failure): throw failure
            }
        }
        #expect(received == pieces * piece.utf8.count)
        try await writing.value
    }

    private static func roundTrip(
        _ loop: Loop, _ upstream: Upstream, _ engine: Engine, _ answer: String
    ) async throws {
        let exchange = try await loop.send(to: upstream, usesNewConnection: true)
        var peer = try await engine.accept()
        try await peer.read(until: "{}")
        try await peer.send(answer)
        #expect(await exchange.all().last == .ended)
        try await peer.channel.close()
    }

    private final class Taken: Sendable {
        let count = Mutex(0)
        var now: Int { count.withLock { $0 } }
    }

    @Test func pausedReadsDoNotCountAsAGap() async throws {
        let (engine, loop, upstream) = try await start()
        let limits = UpstreamTimeouts(connect: .seconds(20), firstByte: .milliseconds(250), gap: .milliseconds(250))
        let paused = try await loop.send(to: upstream, timeouts: limits, pausedFromTheStart: true)
        var pausedPeer = try await engine.accept()
        // An exchange that is not paused shows that the timeout has passed, twice over.
        for _ in 1...2 {
            let other = try await loop.send(to: upstream, timeouts: limits, usesNewConnection: true)
            _ = try await engine.accept()
            #expect(await other.all() == [.failed(.firstByteTimeout)])
        }
        try await pausedPeer.read(until: "{}")
        try await pausedPeer.send(answer)
        try await paused.onLoop { $0.resumeReading() }
        #expect(await paused.all() == answered)
    }
}
