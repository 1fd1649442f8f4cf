import NIOCore
import NIOPosix
import SimpleAICore
import Testing

@testable import Relay

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Machines that are unreachable, and machines that only seem to be.
@Suite(.timeLimit(.minutes(5))) struct DeadPeerTests {
    private func start() async throws -> (Engine, Loop, Upstream) {
        let engine = try await Engine()
        return (engine, try await Loop(), Upstream(runner: "r", host: "127.0.0.1", port: engine.port))
    }

    @Test func aCallWithoutResponseEndsWhenItsMachineIsUnreachable() async throws {
        let (engine, loop, upstream) = try await start()
        let silent = try await loop.send("silent", to: upstream)
        var first = try await engine.accept()
        try await first.read(until: "silent")
        let streaming = try await loop.send("stream", to: upstream)
        var second = try await engine.accept()
        try await second.read(until: "stream")
        try await second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        #expect(try await streaming.next() == .head(200))
        #expect(try await streaming.next() == .bytes("ab"))

        try await loop.onPool { $0.disconnect("other", endsSilentCalls: true) }
        try await loop.onPool { $0.disconnect("r", endsSilentCalls: true) }
        #expect(await silent.all() == [.failed(.runnerDeclaredUnreachable)])
        await first.isLeft()
        // A response that has begun is read to its own end.
        try await second.send("cd")
        #expect(await streaming.all() == [.bytes("cd"), .ended])
    }

    @Test func closesIdleConnectionsWhenTheMachineSleeps() async throws {
        let (engine, loop, upstream) = try await start()
        let exchange = try await loop.send("idle", to: upstream)
        var idle = try await engine.accept()
        try await idle.read(until: "idle")
        try await idle.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        #expect(await exchange.all().last == .ended)
        let busy = try await loop.send("busy", to: upstream, usesNewConnection: true)
        var second = try await engine.accept()
        try await second.read(until: "busy")

        try await loop.onPool { $0.disconnect("r", endsSilentCalls: false) }
        await idle.isLeft()
        try await second.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        #expect(await busy.all().last == .ended)
    }

    /// The peer's kernel acknowledges a request that its program never reads.
    @Test func reportsTheLastAcknowledgement() async throws {
        #if os(Linux)
        let engine = try await Engine(readsAtOnce: false)
        let loop = try await Loop()
        let upstream = Upstream(runner: "r", host: "127.0.0.1", port: engine.port)
        let before = ContinuousClock.now
        let exchange = try await loop.send(to: upstream)
        _ = try await engine.accept()
        var latest: ContinuousClock.Instant?
        while latest == nil {
            latest = try await loop.eventLoop.flatSubmit {
                loop.pool.value?.lastAcknowledgement(of: "r") ?? loop.eventLoop.makeSucceededFuture(nil)
            }.get()
        }
        // In the kernel's milliseconds.
        #expect(try #require(latest) > before - .seconds(1))
        try await exchange.onLoop { $0.cancel() }
        let none = try await loop.eventLoop.flatSubmit {
            loop.pool.value?.lastAcknowledgement(of: "r") ?? loop.eventLoop.makeSucceededFuture(nil)
        }.get()
        #expect(none == nil)
        #endif
    }

    @Test func setsKeepaliveOnConnectionsToEngines() async throws {
        #if os(Linux)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).detectingDeadPeers()
            .connect(host: "127.0.0.1", port: try await Engine().port).get()
        let options = try #require(channel as? any SocketOptionProvider)
        func value(_ level: CInt, _ name: CInt) async throws -> CInt {
            try await options.unsafeGetSocketOption(
                level: .init(rawValue: level), name: .init(rawValue: name)
            ).get()
        }
        #expect(try await value(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(try await value(CInt(IPPROTO_TCP), TCP_KEEPIDLE) == 5)
        #expect(try await value(CInt(IPPROTO_TCP), TCP_KEEPINTVL) == 5)
        #expect(try await value(CInt(IPPROTO_TCP), TCP_USER_TIMEOUT) == 30_000)
        try await channel.close()
        #endif
    }

    @Test(arguments: [ETIMEDOUT, EHOSTUNREACH, ENETUNREACH])
    func recognizesTimeoutsOfTheKernel(_ number: CInt) {
        #expect(TCPLiveness.isTimeout(IOError(errnoCode: number, reason: "read")))
        #expect(!TCPLiveness.isTimeout(IOError(errnoCode: ECONNRESET, reason: "read")))
    }

    /// A probe that is accepted and gets no response is different evidence from one that is not accepted.
    @Test func aFetchDistinguishesAnUnresponsiveEngineFromAnUnreachableHost() async throws {
        let (engine, loop, upstream) = try await start()
        let silent = try await fetch(upstream, loop)
        #expect(silent == .firstByteTimeout)
        _ = engine
        #if os(Linux)
        // A full backlog: the kernel drops every further SYN, like an unreachable host.
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await ServerBootstrap(group: group).serverChannelOption(.backlog, value: 0)
            .serverChannelOption(.autoRead, value: false).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(listener.localAddress)
        var fillers: [any Channel] = []
        while fillers.count < 16,
            let filler = try? await ClientBootstrap(group: group).connectTimeout(.milliseconds(200))
                .connect(to: address).get()
        {
            fillers.append(filler)
        }
        let absent = try await fetch(Upstream(runner: "x", host: "127.0.0.1", port: address.port ?? 0), loop)
        for filler in fillers { try await filler.close() }
        try await listener.close()
        guard case .unreachable? = absent else {
            Issue.record("\(String(describing: absent))")
            return
        }
        #endif
    }

    private func fetch(_ upstream: Upstream, _ loop: Loop) async throws -> UpstreamFailure? {
        let result = loop.eventLoop.makePromise(of: UpstreamFailure?.self)
        try await loop.onPool { pool in
            UpstreamFetch.get(
                "/v1/models", from: upstream, pool: pool, on: loop.eventLoop, timeout: .milliseconds(200)
            ) {
                if case .failure(let failure) = $0 { result.succeed(failure) } else { result.succeed(nil) }
            }
        }
        return try await result.futureResult.get()
    }
}
