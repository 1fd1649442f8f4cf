import Relay
import SimpleAICore

/// What callers are told of runners that do not answer, or not to the end.
extension CallState {
    static func lost(_ runner: RunnerID, _ how: String) -> GatewayError {
        GatewayError(.upstreamError, "The runner was lost while it answered.", cause: "runner \(runner): \(how)")
    }

    static func stated(_ error: EngineError, by runner: RunnerID) -> GatewayError {
        let status = error.status ?? 500
        let code: GatewayError.Code =
            status == 429 ? .rateLimitExceeded : status < 500 ? .invalidRequest : .upstreamError
        return GatewayError(
            code, "The engine failed while it answered.", cause: "runner \(runner): it stated an error in its stream",
            engine: error.message == nil ? nil : error)
    }

    static func error(from failure: UpstreamFailure, runner: RunnerID) -> GatewayError {
        let cause = "runner \(runner): \(failure.reason)"
        return switch failure {
        case .refused, .unreachable, .untrusted, .connectionTimedOut, .machineGone:
            GatewayError(.upstreamError, "The runner could not be reached.", retry: .after(.seconds(5)), cause: cause)
        case .exhausted:
            GatewayError(
                .queueFull, "The gateway has too many connections open.", retry: .after(.seconds(5)), cause: cause)
        case .firstByteTimeout, .gapTimeout:
            GatewayError(.upstreamTimeout, "The runner took too long to answer.", cause: cause)
        case .staleConnection, .closedBeforeAnswer:
            GatewayError(.upstreamError, "The runner closed the connection without an answer.", cause: cause)
        case .closedDuringAnswer:
            GatewayError(.upstreamError, "The runner was lost while it answered.", cause: cause)
        case .malformed:
            GatewayError(.upstreamError, "The runner's answer was malformed.", cause: cause)
        }
    }
}

extension GatewayError {
    /// The response that a call wants to go on with is not there (any more), or is another caller's.
    static let previousResponseIsUnknown = GatewayError(
        .notFound, "There is no response with this id to go on with. Send the whole conversation instead.",
        param: "previous_response_id")
}
