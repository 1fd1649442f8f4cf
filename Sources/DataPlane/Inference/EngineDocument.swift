import Scheduling
import SimpleAICore

/// An engine's complete response other than an event stream, reduced to the facts that determine how it is handled.
struct EngineDocument: Hashable, Sendable {
    /// The response's status; if a 200 states an error without a result, the status in its body, or 500; 400 for an error of
    /// the request that the engine stated with 500.
    let status: Int
    let cause: ResponseCause
    /// The engine's error; nil for a result.
    let error: EngineError?
    /// In seconds, within `RetryAfter.range`, if the engine stated one.
    let retryAfter: Int?
    /// Whether it may end a stream that has begun: a line of a stream of lines, or a complete stream itself.
    let mayEndStream: Bool
    private let path: String

    /// - Parameters:
    ///   - status: the status of the response.
    ///   - isJSON: whether its body is a JSON object, as every result of an inference engine is.
    ///   - error: the error in the body; nil for a result.
    init(status: Int, isJSON: Bool, error: EngineError?, retryAfter: Int?, _ context: ResponseCause.Context) {
        let isSuccess = 200...299 ~= status
        let stated = isSuccess && isJSON && error != nil ? error?.status ?? 500 : status
        self.error = error
        self.retryAfter = retryAfter
        path = context.endpoint.path
        mayEndStream = context.endpoint.resultKind == .lines || context.becomesStream
        cause = ResponseCause(status: stated, isJSON: isJSON, error: error, context)
        self.status = cause == .requestRejected && stated >= 500 ? 400 : stated
    }

    /// A document whose cause is known.
    init(_ cause: ResponseCause, _ context: ResponseCause.Context) {
        (status, error, retryAfter) = (200, nil, nil)
        path = context.endpoint.path
        mayEndStream = context.endpoint.resultKind == .lines || context.becomesStream
        self.cause = cause
    }

    /// The outcome for the runner: only a failure of the machine counts against it.
    func outcome(for caller: CallerID) -> LeaseOutcome {
        switch cause {
        case .result, .requestRejected: .served
        case .internalError: .internalError(of: caller)
        case .usageOptionRejected, .translationNeeded, .formRefused, .pathMissing, .endpointMissing, .modelMissing,
            .gatewayRejected,
            .overloaded, .timedOut:
            .undecided
        case .loading: .loading
        case .foreignResponse: .foreignResponse
        case .unavailable, .invalid: .failed
        }
    }

    /// The error for the caller if the engine's response is not forwarded: with the engine's message, if it is meant
    /// for the caller.
    func error(runner: RunnerID) -> GatewayError {
        let cause = "runner \(runner) returned status \(status)"
        func error(_ code: GatewayError.Code, _ message: String, _ retry: GatewayError.Retry = .never) -> GatewayError {
            GatewayError(
                code, message, retry: retry, cause: cause, engine: self.error?.message == nil ? nil : self.error)
        }
        let soon = GatewayError.Retry.after(.seconds(retryAfter ?? 5))
        switch self.cause {
        case .gatewayRejected:
            // Statements about the gateway's credentials are not for callers. A 403 may be about the caller's request.
            let detail = status == 403 ? self.error?.message.map { ": \($0)" } ?? "." : "."
            return GatewayError(
                .upstreamError,
                "The engine rejected the gateway's credentials with \(status); report it to the operator\(detail)",
                cause: "\(cause): check the runner's api_key and its permissions")
        // The engine's message is quoted, but not its code: callers recognize a missing endpoint by the gateway's.
        case .endpointMissing, .pathMissing, .translationNeeded:
            let detail = self.error?.message.map { " The engine reported: \($0)" } ?? ""
            return GatewayError(
                .endpointNotSupported, "No engine with this model supports \(path).\(detail)", cause: cause)
        case .modelMissing:
            return GatewayError(
                .noRunnerAvailable, "The runner no longer lists this model. Retry later.", retry: .after(.seconds(10)),
                cause: cause)
        // An agent without memory or connections: the caller did not exceed a limit.
        case .overloaded where status == 503:
            return error(.queueFull, "The runner has no capacity left. Retry later.", soon)
        case .overloaded: return error(.rateLimitExceeded, "The runner is overloaded. Retry later.", soon)
        case .timedOut: return error(.upstreamTimeout, "The runner timed out reading the request. Retry later.", soon)
        case .loading, .unavailable, .foreignResponse:
            return error(.upstreamError, "The runner could not serve the request.", soon)
        case .requestRejected, .usageOptionRejected, .formRefused:
            return error(.invalidRequest, "The engine rejected the request with status \(status).")
        case .internalError: return error(.upstreamError, "The engine reported an internal error.")
        case .result, .invalid: return error(.upstreamError, "The runner sent an unexpected response.")
        }
    }

    /// The error of a response that is forwarded with its status, where the engine stated none.
    var standardBody: ErrorBody {
        let type = status < 500 ? "invalid_request_error" : "server_error"
        return ErrorBody(
            message: "The engine returned status \(status) without a message.", type: type, param: nil,
            code: GatewayError.Code.upstreamError.rawValue)
    }
}
