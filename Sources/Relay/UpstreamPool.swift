public import NIOCore
import NIOPosix
import NIOSSL
import OperatingSystem
public import SimpleAICore

/// The connections of one event loop to one runner that have nothing to do, the latest used last.
///
/// A connection remembers its place, because with many runners looking that up for every call is looking into memory that
/// nobody has touched for long.
final class IdleConnections {
    fileprivate var connections: [UpstreamConnection] = []

    fileprivate func closeAll() {
        let all = connections
        connections = []
        for connection in all { connection.close() }
    }
}

/// The connections of one event loop to all runners. A call, its client's channel and its upstream channel live on one
/// loop, so nothing in here needs a lock.
public final class UpstreamPool {
    /// Idle connections that are kept per runner; more than that are closed when they come back.
    private static let idleLimit = 64

    /// The loop's writes, of clients' connections, too.
    public let flushes: FlushBatch
    private let eventLoop: any EventLoop
    private let descriptorReserve: Int
    private var idle: [ObjectIdentifier: IdleConnections] = [:]
    /// Every connection, by its runner.
    private var established: [RunnerID: [ObjectIdentifier: UpstreamConnection]] = [:]

    /// - Parameters:
    ///   - eventLoop: every use of the pool has to happen there.
    ///   - descriptorReserve: how many descriptors of this process its connections leave to others.
    public init(eventLoop: any EventLoop, descriptorReserve: Int = 0) {
        self.eventLoop = eventLoop
        self.descriptorReserve = descriptorReserve
        flushes = FlushBatch(eventLoop: eventLoop)
    }

    /// Sends a request to a runner and its answer to `target`.
    /// - Parameters:
    ///   - ticket: a new one, by which the caller controls the exchange.
    ///   - fresh: true to use no kept-alive connection, after one turned out to be stale.
    public func send(
        _ request: UpstreamRequest, to upstream: Upstream, for target: any UpstreamExchange, ticket: UpstreamTicket,
        timeouts: UpstreamTimeouts, fresh: Bool = false
    ) {
        eventLoop.preconditionInEventLoop()
        if !fresh, let kept = idle[ObjectIdentifier(upstream)] {
            while let connection = kept.connections.popLast() {
                guard connection.isUsable else { continue }
                return connection.begin(request, for: target, ticket: ticket, timeouts: timeouts)
            }
        }
        connect(to: upstream, timeout: timeouts.connect).assumeIsolated().whenComplete { result in
            guard case .connecting = ticket.progress else {
                // Cancelled meanwhile. Kept, it would pass for a fresh connection however long it has lain there.
                if case .success(let connection) = result { connection.value.close() }
                return
            }
            switch result {
            case .success(let connection):
                connection.value.begin(request, for: target, ticket: ticket, timeouts: timeouts)
            case .failure(let error):
                ticket.progress = .over
                target.upstreamFailed(Self.failure(from: error))
            }
        }
    }

    /// Closes what is idle; exchanges under way end by themselves.
    public func closeIdle() {
        for kept in idle.values { kept.closeAll() }
    }

    /// Closes what is idle of a runner that is retired.
    public func closeIdle(of upstream: Upstream) {
        let key = ObjectIdentifier(upstream)
        idle[key]?.closeAll()
        // What still comes back finds no place there any more.
        if upstream.isRetired { idle[key] = nil }
    }

    /// A runner sleeps or is gone: closes what is idle. With `endsSilentCalls`, exchanges end, too, of which no byte of a
    /// response has come.
    public func leave(_ runner: RunnerID, endsSilentCalls: Bool) {
        for connection in Array(established[runner, default: [:]].values)
        where endsSilentCalls || !connection.isExchanging {
            connection.machineIsGone()
        }
    }

    /// When the machine of a runner last acknowledged or sent something on any exchange that is in progress; nil where
    /// none is, or the operating system does not tell.
    public func lastAcknowledgement(of runner: RunnerID) -> EventLoopFuture<ContinuousClock.Instant?> {
        let connections = established[runner, default: [:]].values
        return EventLoopFuture.whenAllSucceed(connections.compactMap { $0.lastAcknowledgement() }, on: eventLoop)
            .map { $0.compactMap { $0 }.max() }
    }

    func giveBack(_ connection: UpstreamConnection) {
        guard !connection.upstream.isRetired else { return connection.close() }
        let kept = connection.place ?? place(of: connection.upstream)
        guard kept.connections.count < Self.idleLimit else { return connection.close() }
        connection.place = kept
        kept.connections.append(connection)
    }

    private func place(of upstream: Upstream) -> IdleConnections {
        let key = ObjectIdentifier(upstream)
        if let known = idle[key] { return known }
        let place = IdleConnections()
        idle[key] = place
        return place
    }

    func forget(_ connection: UpstreamConnection) {
        let runner = connection.upstream.runner
        established[runner]?[ObjectIdentifier(connection)] = nil
        if established[runner]?.isEmpty ?? false { established[runner] = nil }
        connection.place?.connections.removeAll { $0 === connection }
    }

    private func connect(
        to upstream: Upstream, timeout: TimeAmount
    ) -> EventLoopFuture<NIOLoopBound<UpstreamConnection>> {
        guard descriptorReserve == 0 || !DescriptorLimit.isReached(keeping: descriptorReserve) else {
            return eventLoop.makeFailedFuture(
                UpstreamFailure.exhausted("fewer than \(descriptorReserve) descriptors are left"))
        }
        let loopBoundSelf = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.autoRead, value: false)
            .detectingDeadPeers()
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    var socket: SocketEnd?
                    if let tls = upstream.tls {
                        let end = SocketEnd()
                        socket = end
                        try pipeline.addHandler(end)
                        // SNI takes names, not addresses (RFC 6066 §3).
                        let name = (try? SocketAddress(ipAddress: upstream.host, port: 0)) == nil ? upstream.host : nil
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    let pool = loopBoundSelf.value
                    let out = TickedFlush(pool.flushes, nextTo: upstream.tls == nil ? .socket : .tls)
                    try pipeline.addHandlers(
                        out, UpstreamConnection(upstream: upstream, pool: pool, out: out, socket: socket))
                }
            }
        // An address needs no resolver, and so no detour over another thread.
        let connected =
            if let address = try? SocketAddress(ipAddress: upstream.host, port: upstream.port) {
                bootstrap.connect(to: address)
            } else {
                bootstrap.connect(host: upstream.host, port: upstream.port)
            }
        return connected.flatMapThrowing { channel in
            let connection = try channel.pipeline.syncOperations.handler(type: UpstreamConnection.self)
            if channel.isActive {
                loopBoundSelf.value.established[upstream.runner, default: [:]][ObjectIdentifier(connection)] =
                    connection
            }
            return NIOLoopBound(connection, eventLoop: eventLoop)
        }
    }

    private static func failure(from error: any Error) -> UpstreamFailure {
        switch error {
        case let error as UpstreamFailure: return error
        case let error as IOError where error.errnoCode == ECONNREFUSED: return .refused
        case let error as IOError where isExhaustion(error): return .exhausted("\(error)")
        case let error as NIOConnectionError:
            if let error = error.connectionErrors.lazy.compactMap({ $0.error as? IOError }).first(where: isExhaustion) {
                return .exhausted("\(error)")
            }
            let refused = error.connectionErrors.contains {
                ($0.error as? IOError)?.errnoCode == ECONNREFUSED
            }
            return refused ? .refused : .unreachable("no address of the host answered")
        case ChannelError.connectTimeout: return .unreachable("no answer to the connection attempt")
        default: return .unreachable(String(describing: error))
        }
    }

    private static func isExhaustion(_ error: IOError) -> Bool { SystemError(number: error.errnoCode).isExhaustion }
}
