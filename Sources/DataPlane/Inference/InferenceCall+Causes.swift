import Logging
import Relay
import Scheduling
import Settings
import SimpleAICore

/// Records what a call reveals about engines, for later calls and the operator.
extension InferenceCall {
    /// If every runner that has the model lacks the endpoint, waiting for another runner cannot help.
    func placementRefused(_ error: GatewayError, _ request: PlacementRequest?) {
        let known = placement.runnersWithoutEndpoint.min { $0.key < $1.key }?.value ?? state.endpointFailure
        guard error.code == .noRunnerAvailable, let known, let request else { return handle(.placementRefused(error)) }
        let others = services.scheduler.snapshot().runners.contains { status in
            let id = status.runner.id
            return placement.runnersWithoutEndpoint[id] == nil && !placement.newRunnersWithoutEndpoint.contains(id)
                && request.models.contains { status.models[$0] != nil }
        }
        handle(others ? .placementRefused(error) : .endpointUnsupported(known))
    }

    func noteEndpointMissing(_ lease: Lease, _ error: GatewayError) {
        placement.newRunnersWithoutEndpoint.insert(lease.runner)
        // The next call tries an endpoint again that the settings list.
        guard forwarding.upstream?.endpoints.hasStatedEndpoints != true else { return }
        // All paths of the API are either missing, too, or lead to the same code.
        for spelling in (forwarding.endpoint ?? endpoint).spellings { noteMissing(spelling, lease, error) }
    }

    func notePathMissing(_ lease: Lease, _ error: GatewayError) {
        let path = forwarding.endpoint ?? endpoint
        forwarding.missingPaths.insert(path)
        noteMissing(path, lease, error)
    }

    /// - Returns: whether it was recorded.
    @discardableResult
    func noteMissing(_ endpoint: Endpoint, _ lease: Lease, _ error: GatewayError) -> Bool {
        services.upstreams.noteMissing(endpoint, of: lease.model, at: lease.runner, error: error)
    }

    func reportGatewayRejected(_ runner: RunnerID, _ status: Int) {
        guard services.upstreams[runner]?.shouldReportRefusal() ?? false else { return }
        services.logger.warning(
            "Engine rejected the gateway's credentials",
            metadata: [
                LogKeys.runner: "\(runner)", LogKeys.status: "\(status)", LogKeys.requestID: "\(id)",
                LogKeys.advice: "check the runner's api_key",
            ])
    }
}
