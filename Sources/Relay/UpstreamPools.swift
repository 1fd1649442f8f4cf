public import NIOCore
import OperatingSystem
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

    /// Closes every idle connection, on its own loop.
    public func closeIdle() {
        for (eventLoop, pool) in pools.withLock({ Array($0.values) }) { eventLoop.execute { pool.value.closeIdle() } }
    }
}
