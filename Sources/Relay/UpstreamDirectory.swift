package import SimpleAICore
import Synchronization

/// The upstreams of all runners. Runners are added and removed while calls run; a call keeps the upstream that it was
/// forwarded to.
package final class UpstreamDirectory: Sendable {
    private let upstreams: Mutex<[RunnerID: Upstream]>

    package init(_ upstreams: [RunnerID: Upstream] = [:]) {
        mayLackEndpoints = Atomic(upstreams.values.contains { $0.endpoints.hasStatedEndpoints })
        self.upstreams = Mutex(upstreams)
    }

    /// Whether some runner is known to lack an endpoint; while false, `runners(lacking:of:)` need not search the upstreams.
    private let mayLackEndpoints: Atomic<Bool>

    /// Records that an engine does not have an endpoint.
    /// - Parameter model: nil if one engine serves all models of the runner.
    /// - Returns: whether it was recorded.
    @discardableResult
    package func noteMissing(_ endpoint: Endpoint, of model: ModelID?, at runner: RunnerID, error: GatewayError) -> Bool
    {
        guard self[runner]?.endpoints.noteMissing(endpoint, of: model, error: error) ?? false else { return false }
        mayLackEndpoints.store(true, ordering: .relaxed)
        return true
    }

    /// The runners that are known to serve none of these models at this endpoint, and their errors.
    package func runners(lacking endpoint: Endpoint, of models: [ModelID]) -> [RunnerID: GatewayError] {
        guard mayLackEndpoints.load(ordering: .relaxed) else { return [:] }
        return upstreams.withLock { $0 }.compactMapValues { $0.missing(endpoint, of: models) }
    }

    package subscript(runner: RunnerID) -> Upstream? { upstreams.withLock { $0[runner] } }

    package func put(_ upstream: Upstream) {
        upstreams.withLock { $0[upstream.runner] = upstream }
        if upstream.endpoints.hasStatedEndpoints { mayLackEndpoints.store(true, ordering: .relaxed) }
    }

    package func remove(_ runner: RunnerID) { upstreams.withLock { _ = $0.removeValue(forKey: runner) } }
}
