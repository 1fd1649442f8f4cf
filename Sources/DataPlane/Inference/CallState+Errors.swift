import Relay
import SimpleAICore

/// The errors that callers receive for runners that send no response, or an incomplete one.
extension CallState {
    static func runnerLost(_ runner: RunnerID, _ how: String) -> GatewayError {
        GatewayError(
            .upstreamError, "The connection to the runner was lost during the response.",
            cause: "runner \(runner): \(how)")
    }

    static func stated(_ error: EngineError, by runner: RunnerID) -> GatewayError {
        let status = error.status ?? 500
        let code: GatewayError.Code =
            status == 429 ? .rateLimitExceeded : status < 500 ? .invalidRequest : .upstreamError
        return GatewayError(
            code, "The engine reported an error during the response.",
            cause: "runner \(runner): the stream contained an error",
            engine: error.message == nil ? nil : error)
    }

    static func error(from failure: UpstreamFailure, runner: RunnerID) -> GatewayError {
        let cause = "runner \(runner): \(failure.reason)"
        return switch failure {
        case .refused, .unreachable, .untrusted, .connectionTimedOut, .runnerDeclaredUnreachable:
            GatewayError(.upstreamError, "The runner is unreachable.", retry: .after(.seconds(5)), cause: cause)
        case .exhausted:
            GatewayError(
                .queueFull, "The gateway has too many connections open.", retry: .after(.seconds(5)), cause: cause)
        case .bodyUnavailable:
            GatewayError(
                .queueFull, "The gateway could not read the request body from its disk. Retry later.",
                retry: .after(.seconds(5)), cause: cause)
        case .firstByteTimeout, .gapTimeout:
            GatewayError(.upstreamTimeout, "The runner did not respond in time.", cause: cause)
        case .staleConnection, .closedBeforeResponse:
            GatewayError(.upstreamError, "The runner closed the connection without a response.", cause: cause)
        case .closedDuringResponse:
            GatewayError(.upstreamError, "The connection to the runner was lost during the response.", cause: cause)
        case .malformed:
            GatewayError(.upstreamError, "The runner sent a malformed response.", cause: cause)
        }
    }
}

extension GatewayError {
    /// The response that a call refers to does not exist (any more), or belongs to another caller.
    static let previousResponseIsUnknown = GatewayError(
        .notFound, "Unknown previous_response_id. Send the whole conversation instead.",
        param: "previous_response_id")
}
