public import Logging
public import NIOCore
import NIOPosix
import NIOSSL
import NetworkErrors
import OperatingSystem
public import SimpleAICore

/// The idle connections of one event loop to one runner, in order of last use; the most recent is last.
///
/// Each connection refers to its list: with many runners, a look-up for every call would read memory that has left the
/// processor's cache.
final class IdleConnections {
    fileprivate var connections: [UpstreamConnection] = []

    fileprivate func closeAll() {
        let all = connections
        connections = []
        for connection in all { connection.close() }
    }
}

/// The connections of one event loop to all runners. A call, its client's channel and its upstream channel use the same loop,
/// so no lock is needed.
public final class UpstreamPool {
    /// Maximum number of idle connections per runner; further ones are closed when their exchange ends.
    private static let maxIdleConnections = 64

    /// Defers the writes of this loop, including those of client connections.
    public let flusher: EndOfTickFlusher
    let eventLoop: any EventLoop
    let lifetimes: UpstreamLifetimes
    private let descriptorReserve: Int
    private let logger: Logger
    private var idle: [ObjectIdentifier: IdleConnections] = [:]
    /// All connections, by runner.
    private var established: [RunnerID: [ObjectIdentifier: UpstreamConnection]] = [:]
    /// Closes idle connections that have expired; nil while no connection is idle.
    private var expiryTimer: Scheduled<Void>?

    /// - Parameters:
    ///   - eventLoop: every use of the pool must be on this loop.
    ///   - descriptorReserve: number of this process's descriptors that the pool leaves free.
    ///   - logger: receives the events of connections, at debug level.
    public convenience init(eventLoop: any EventLoop, descriptorReserve: Int = 0, logger: Logger = .noOperation) {
        self.init(
            eventLoop: eventLoop, descriptorReserve: descriptorReserve, logger: logger, lifetimes: UpstreamLifetimes())
    }

    init(
        eventLoop: any EventLoop, descriptorReserve: Int = 0, logger: Logger = .noOperation,
        lifetimes: UpstreamLifetimes
    ) {
        self.eventLoop = eventLoop
        self.lifetimes = lifetimes
        self.descriptorReserve = descriptorReserve
        self.logger = logger
        flusher = EndOfTickFlusher(eventLoop: eventLoop)
    }

    /// Sends a request to a runner; `receiver` receives the response.
    /// - Parameters:
    ///   - exchangeHandle: a new handle, with which the receiver pauses or cancels the exchange.
    ///   - usesNewConnection: true to open a new connection, after a kept-alive one turned out to be stale.
    public func send(
        _ request: UpstreamRequest, to upstream: Upstream, for receiver: any UpstreamResponseReceiver,
        exchangeHandle: ExchangeHandle,
        timeouts: UpstreamTimeouts, usesNewConnection: Bool = false
    ) {
        eventLoop.preconditionInEventLoop()
        if !usesNewConnection, let idleList = idle[ObjectIdentifier(upstream)] {
            let now = eventLoop.now
            while let connection = idleList.connections.popLast() {
                guard connection.isReusable(at: now) else {
                    connection.close()
                    continue
                }
                return connection.begin(request, for: receiver, exchangeHandle: exchangeHandle, timeouts: timeouts)
            }
        }
        connect(to: upstream, timeout: timeouts.connect).assumeIsolated().whenComplete { result in
            guard case .connecting = exchangeHandle.progress else {
                // The exchange was cancelled meanwhile. Only connections that have served an exchange are taken for stale,
                // so an idle one that has served none would fail without a retry.
                if case .success(let connection) = result { connection.value.close() }
                return
            }
            switch result {
            case .success(let connection):
                connection.value.begin(request, for: receiver, exchangeHandle: exchangeHandle, timeouts: timeouts)
            case .failure(let error):
                exchangeHandle.progress = .over
                receiver.upstreamFailed(self.connectionFailed(error, upstream))
            }
        }
    }

    /// Closes idle connections; exchanges in progress continue.
    public func closeIdle() {
        for idleList in idle.values { idleList.closeAll() }
    }

    /// Closes the idle connections of a retired runner.
    public func closeIdle(of upstream: Upstream) {
        let key = ObjectIdentifier(upstream)
        idle[key]?.closeAll()
        // Connections in use are closed when their exchange ends.
        if upstream.isRetired { idle[key] = nil }
    }

    /// Closes a runner's idle connections because it is asleep or unreachable. With `endsSilentCalls`, also ends
    /// exchanges that have received no byte of a response.
    public func disconnect(_ runner: RunnerID, endsSilentCalls: Bool) {
        for connection in Array(established[runner, default: [:]].values)
        where endsSilentCalls || !connection.isExchanging {
            connection.machineBecameUnreachable()
        }
    }

    /// When a runner's machine last acknowledged or sent data in any exchange in progress; nil if no exchange is in progress,
    /// or the operating system does not report it.
    public func lastAcknowledgement(of runner: RunnerID) -> EventLoopFuture<ContinuousClock.Instant?> {
        let connections = established[runner, default: [:]].values
        return EventLoopFuture.whenAllSucceed(connections.compactMap { $0.lastAcknowledgement() }, on: eventLoop)
            .map { $0.compactMap { $0 }.max() }
    }

    func release(_ connection: UpstreamConnection) {
        guard !connection.upstream.isRetired else { return connection.close() }
        let idleList = connection.idleConnections ?? idleConnections(of: connection.upstream)
        guard idleList.connections.count < Self.maxIdleConnections else { return connection.close() }
        connection.idleConnections = idleList
        idleList.connections.append(connection)
        if expiryTimer == nil { armExpiryTimer(at: connection.expiresAt) }
    }

    /// Closes the idle connections that have expired. One timer serves all of them, and is never moved, so that a request
    /// costs no timer.
    private func armExpiryTimer(at deadline: NIODeadline) {
        expiryTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.closeExpired()
        }
    }

    /// Minimum time between two searches for expired connections.
    private static let expiryInterval: TimeAmount = .seconds(1)

    private func closeExpired() {
        expiryTimer = nil
        let now = eventLoop.now
        var next: NIODeadline?
        for idleList in idle.values {
            // Closing removes them from the list.
            for connection in idleList.connections where connection.expiresAt <= now { connection.close() }
            for connection in idleList.connections { next = min(next ?? .distantFuture, connection.expiresAt) }
        }
        if let next { armExpiryTimer(at: max(next, now + Self.expiryInterval)) }
    }

    private func idleConnections(of upstream: Upstream) -> IdleConnections {
        let key = ObjectIdentifier(upstream)
        if let known = idle[key] { return known }
        let idleConnections = IdleConnections()
        idle[key] = idleConnections
        return idleConnections
    }

    // MARK: Connections

    /// - Parameters:
    ///   - exchanges: number of exchanges that it carried.
    ///   - cause: the error that closed it; nil for none.
    func connectionClosed(_ connection: UpstreamConnection, exchanges: Int, cause: UpstreamFailure?) {
        let runner = connection.upstream.runner
        logger.debug("Upstream connection closed", metadata: Self.metadata(connection, exchanges, cause))
        established[runner]?[ObjectIdentifier(connection)] = nil
        if established[runner]?.isEmpty ?? false { established[runner] = nil }
        connection.idleConnections?.connections.removeAll { $0 === connection }
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
                    var closeHandler: SocketCloseHandler?
                    if let tls = upstream.tls {
                        let handler = SocketCloseHandler()
                        closeHandler = handler
                        try pipeline.addHandler(handler)
                        // SNI contains names, not addresses (RFC 6066 §3).
                        let name = (try? SocketAddress(ipAddress: upstream.host, port: 0)) == nil ? upstream.host : nil
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    let pool = loopBoundSelf.value
                    let out = CoalescingWriter(pool.flusher, nextTo: upstream.tls == nil ? .socket : .tls)
                    try pipeline.addHandlers(
                        out, UpstreamConnection(upstream: upstream, pool: pool, out: out, socket: closeHandler))
                }
            }
        // An IP address needs no resolver, and so no switch to another thread.
        let connected =
            if let address = try? SocketAddress(ipAddress: upstream.host, port: upstream.port) {
                bootstrap.connect(to: address)
            } else {
                bootstrap.connect(host: upstream.host, port: upstream.port)
            }
        return connected.flatMapThrowing { channel in
            let connection = try channel.pipeline.syncOperations.handler(type: UpstreamConnection.self)
            if channel.isActive { loopBoundSelf.value.connectionOpened(connection) }
            return NIOLoopBound(connection, eventLoop: eventLoop)
        }
    }

    private func connectionOpened(_ connection: UpstreamConnection) {
        established[connection.upstream.runner, default: [:]][ObjectIdentifier(connection)] = connection
        logger.debug("Upstream connection opened", metadata: Self.metadata(connection))
    }

    private static func metadata(
        _ connection: UpstreamConnection, _ exchanges: Int? = nil, _ cause: UpstreamFailure? = nil
    ) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            LogKeys.connection: "\(connection.id)", LogKeys.runner: "\(connection.upstream.runner)",
            LogKeys.address: "\(connection.upstream.authority)",
        ]
        if let exchanges { metadata[LogKeys.count] = "\(exchanges)" }
        if let cause { metadata[LogKeys.cause] = "\(cause.reason)" }
        return metadata
    }

    private func connectionFailed(_ error: any Error, _ upstream: Upstream) -> UpstreamFailure {
        let failure = Self.failure(from: error)
        logger.debug(
            "Upstream connection failed",
            metadata: [
                LogKeys.runner: "\(upstream.runner)", LogKeys.address: "\(upstream.authority)",
                LogKeys.cause: "\(failure.reason)",
            ])
        return failure
    }

    private static func failure(from error: any Error) -> UpstreamFailure {
        switch error {
        case let error as UpstreamFailure: return error
        case let error as IOError where error.errnoCode == ECONNREFUSED: return .refused
        case let error as IOError where isExhaustion(error): return .exhausted(NetworkErrorText.of(error))
        case let error as NIOConnectionError:
            if let error = error.connectionErrors.lazy.compactMap({ $0.error as? IOError }).first(where: isExhaustion) {
                return .exhausted(NetworkErrorText.of(error))
            }
            let refused = error.connectionErrors.contains {
                ($0.error as? IOError)?.errnoCode == ECONNREFUSED
            }
            return refused ? .refused : .unreachable(NetworkErrorText.of(error))
        default: return .unreachable(NetworkErrorText.of(error))
        }
    }

    private static func isExhaustion(_ error: IOError) -> Bool { SystemError(number: error.errnoCode).isExhaustion }
}

extension Logger {
    /// Discards everything.
    public static let noOperation = Logger(label: "simpleai.relay") { _ in SwiftLogNoOpLogHandler() }
}
