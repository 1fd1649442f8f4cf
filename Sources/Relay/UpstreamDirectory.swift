package import SimpleAICore
import Synchronization

/// The upstreams of all runners. Runners are added and removed while calls run; a call keeps the upstream that it was
/// forwarded to.
package final class UpstreamDirectory: Sendable {
    private let upstreams: Mutex<[RunnerID: Upstream]>

    package init(_ upstreams: [RunnerID: Upstream] = [:]) {
        lackedBits = Atomic(upstreams.values.reduce(0) { $0 | $1.endpoints.lackedBits })
        self.upstreams = Mutex(upstreams)
    }

    /// A bit for each endpoint that some runner may lack; for others, `runners(lacking:of:)` need not search the upstreams.
    private let lackedBits: Atomic<UInt32>

    /// Records that an engine does not have an endpoint.
    /// - Returns: whether it was recorded.
    @discardableResult
    package func noteMissing(_ endpoint: Endpoint, of model: ModelID, at runner: RunnerID, error: GatewayError) -> Bool
    {
        guard self[runner]?.endpoints.noteMissing(endpoint, of: model, error: error) ?? false else { return false }
        lackedBits.bitwiseOr(endpoint.bit, ordering: .relaxed)
        return true
    }

    /// Discards what responses showed about a runner's engines: its agent was started anew.
    package func forgetEndpoints(of runner: RunnerID) { self[runner]?.endpoints.forget() }

    /// Records the endpoints that a runner's agent reports.
    /// - Parameter endpoints: of every model of the runner; see `EndpointSupport.noteReported`.
    package func noteReported(_ endpoints: [ModelID: EndpointSet], at runner: RunnerID) {
        guard let support = self[runner]?.endpoints else { return }
        support.noteReported(endpoints)
        lackedBits.bitwiseOr(support.lackedBits, ordering: .relaxed)
    }

    /// The runners that are known to serve none of these models at this endpoint, and their errors.
    package func runners(lacking endpoint: Endpoint, of models: [ModelID]) -> [RunnerID: GatewayError] {
        let bits = endpoint.bit | (endpoint.translation?.bit ?? 0)
        guard lackedBits.load(ordering: .relaxed) & bits != 0 else { return [:] }
        return upstreams.withLock { $0 }.compactMapValues { $0.missing(endpoint, of: models) }
    }

    package subscript(runner: RunnerID) -> Upstream? { upstreams.withLock { $0[runner] } }

    package func put(_ upstream: Upstream) {
        upstreams.withLock { $0[upstream.runner] = upstream }
        lackedBits.bitwiseOr(upstream.endpoints.lackedBits, ordering: .relaxed)
    }

    package func remove(_ runner: RunnerID) { upstreams.withLock { _ = $0.removeValue(forKey: runner) } }
}
