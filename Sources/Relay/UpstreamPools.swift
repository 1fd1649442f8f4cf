public import Logging
public import NIOCore
import OperatingSystem
public import SimpleAICore
import Synchronization

/// The pools of upstream connections: one per event loop, created on first use.
public final class UpstreamPools: Sendable {
    private let pools = Mutex<[ObjectIdentifier: (any EventLoop, NIOLoopBound<UpstreamPool>)]>([:])

    private let logger: Logger

    /// - Parameter logger: receives the events of connections, at debug level.
    public init(logger: Logger = .noOperation) {
        self.logger = logger
    }

    /// The pool of the current event loop.
    public func pool(on eventLoop: any EventLoop) -> UpstreamPool {
        eventLoop.preconditionInEventLoop()
        return pools.withLock { pools in
            if let (_, pool) = pools[ObjectIdentifier(eventLoop)] { return pool }
            let pool = NIOLoopBound(
                UpstreamPool(
                    eventLoop: eventLoop, descriptorReserve: DescriptorLimit.callReserve, logger: logger),
                eventLoop: eventLoop)
            pools[ObjectIdentifier(eventLoop)] = (eventLoop, pool)
            return pool
        }.value
    }

    /// Retires an upstream that was replaced or removed, and closes its idle connections.
    public func retire(_ upstream: Upstream) {
        upstream.retire()
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) {
            eventLoop.execute { pool.value.closeIdle(of: upstream) }
        }
    }

    /// Closes a runner's idle connections on every loop, because it is asleep or unreachable. With `endsSilentCalls`,
    /// also ends exchanges that have received no byte of a response.
    public func disconnect(_ runner: RunnerID, endsSilentCalls: Bool) {
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) {
            eventLoop.execute { pool.value.disconnect(runner, endsSilentCalls: endsSilentCalls) }
        }
    }

    /// When a runner's machine last acknowledged or sent data in any exchange in progress, on any loop.
    public func lastAcknowledgement(
        of runner: RunnerID, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ContinuousClock.Instant?> {
        let latest = pools.withLock { Array($0.values) }.map { loop, pool in
            loop.flatSubmit { pool.value.lastAcknowledgement(of: runner) }
        }
        return EventLoopFuture.whenAllSucceed(latest, on: eventLoop).map { $0.compactMap { $0 }.max() }
    }

    /// Closes every idle connection, on its own loop.
    public func closeIdle() {
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) { eventLoop.execute { pool.value.closeIdle() } }
    }
}
