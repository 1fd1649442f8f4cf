import Relay
import SimpleAICore
import Synchronization

/// Where the engine of every runner is reached. Runners come and go while calls run; a call keeps the entry that it
/// was forwarded to.
final class UpstreamDirectory: Sendable {
    private let upstreams: Mutex<[RunnerID: Upstream]>

    init(_ upstreams: [RunnerID: Upstream] = [:]) {
        self.upstreams = Mutex(upstreams)
    }

    subscript(runner: RunnerID) -> Upstream? { upstreams.withLock { $0[runner] } }

    func put(_ upstream: Upstream) { upstreams.withLock { $0[upstream.runner] = upstream } }

    func remove(_ runner: RunnerID) { upstreams.withLock { _ = $0.removeValue(forKey: runner) } }
}
