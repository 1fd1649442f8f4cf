import Scheduling
import SimpleAICore

/// What an engine's status means for the call: its own errors are told apart from ours.
enum EngineVerdict: Hashable, Sendable {
    /// An answer; goes to the caller.
    case answer
    /// The caller's mistake, or the engine's failure on this very request: goes to the caller as it is.
    case callersError
    /// The engine refuses *us*: a wrong key or none, which is our misconfiguration.
    case refusesUs
    /// The engine does not know the model that its list promised.
    case modelMissing
    /// Too much to do there.
    case busy
    /// Not able to serve: another runner may be.
    case unavailable
    /// Nothing that an inference engine answers.
    case nonsense

    init(status: Int) {
        switch status {
        case 200...299: self = .answer
        case 401, 403, 407: self = .refusesUs
        case 404: self = .modelMissing
        case 429: self = .busy
        case 502, 503, 504: self = .unavailable
        case 400...499, 500: self = .callersError
        default: self = .nonsense
        }
    }
}

/// An engine's complete answer that is no event stream, reduced to what decides about it.
struct EngineDocument: Hashable, Sendable {
    let status: Int
    /// Whether its body is a JSON object, as every answer of an inference engine is.
    let isJSON: Bool
    /// In seconds, if the engine said so.
    let retryAfter: Int?

    /// What it tells about the runner. An engine that answers 500 to call after call is broken, even though each of them
    /// goes to its caller: it is the fastest of all and would draw everything to itself.
    var outcome: LeaseOutcome {
        switch EngineVerdict(status: status) {
        case .answer: .served
        case .callersError: status == 500 ? .failed : .served
        case .modelMissing, .busy: .undecided
        case .refusesUs, .unavailable, .nonsense: .failed
        }
    }

    /// What the caller is told where the engine's own words do not reach it.
    func error(runner: RunnerID) -> GatewayError {
        let cause = "runner \(runner) answered \(status)"
        switch EngineVerdict(status: status) {
        case .refusesUs:
            return GatewayError(
                .upstreamError, "The runner refused the gateway's credentials; its operator has to mend that.",
                cause: cause)
        case .modelMissing:
            return GatewayError(
                .noRunnerAvailable, "The runner no longer has this model.", retry: .after(.seconds(10)), cause: cause)
        case .busy:
            return GatewayError(
                .rateLimitExceeded, "The runner has too much to do.",
                retry: .after(.seconds(retryAfter ?? 5)), cause: cause)
        case .unavailable:
            return GatewayError(
                .upstreamError, "The runner could not serve the request.", retry: .after(.seconds(retryAfter ?? 5)),
                cause: cause)
        case .callersError where status < 500:
            return GatewayError(.invalidRequest, "The engine refused the request with status \(status).", cause: cause)
        case .answer, .callersError, .nonsense:
            return GatewayError(.upstreamError, "The runner answered something unexpected.", cause: cause)
        }
    }
}
