public import NIOCore
import OperatingSystem
public import SimpleAICore
import Synchronization

/// One pool of upstream connections per event loop, made on first use.
public final class UpstreamPools: Sendable {
    private let pools = Mutex<[ObjectIdentifier: (any EventLoop, NIOLoopBound<UpstreamPool>)]>([:])

    public init() {}

    /// The pool of the loop that this runs on.
    public func pool(on eventLoop: any EventLoop) -> UpstreamPool {
        eventLoop.preconditionInEventLoop()
        return pools.withLock { pools in
            if let (_, pool) = pools[ObjectIdentifier(eventLoop)] { return pool }
            let pool = NIOLoopBound(
                UpstreamPool(eventLoop: eventLoop, descriptorReserve: DescriptorLimit.callReserve), eventLoop: eventLoop
            )
            pools[ObjectIdentifier(eventLoop)] = (eventLoop, pool)
            return pool
        }.value
    }

    /// Lets go of a runner whose place another has taken.
    public func retire(_ upstream: Upstream) {
        upstream.retire()
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) {
            eventLoop.execute { pool.value.closeIdle(of: upstream) }
        }
    }

    /// A runner sleeps or is gone: closes its idle connections, on every loop. With `endsSilentCalls`, exchanges end, too,
    /// of which no byte of a response has come.
    public func leave(_ runner: RunnerID, endsSilentCalls: Bool) {
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) {
            eventLoop.execute { pool.value.leave(runner, endsSilentCalls: endsSilentCalls) }
        }
    }

    /// When the machine of a runner last acknowledged or sent something on any exchange that is in progress, on any loop.
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
