import Synchronization

/// Limits failed authentication attempts: decides which error a client with invalid credentials receives.
package final class AuthenticationThrottle: Sendable {
    private let attempts: Mutex<FailedAttempts>
    private let metrics: AdmissionMetrics

    /// - Parameter perMinute: see `FailedAttempts`.
    package init(perMinute: Int, metrics: AdmissionMetrics) {
        attempts = Mutex(FailedAttempts(perMinute: perMinute))
        self.metrics = metrics
    }

    /// The error for a refused token. Only invalid tokens count as attempts: the sender is not responsible for a token
    /// that the gateway cannot verify, and an expired token is not a guess; its sender must learn that it needs a new one.
    package func refusal(_ rejection: TokenRejection, from client: IPAddress?) -> GatewayError {
        let reason: String
        switch rejection {
        case .invalid(let text): reason = text
        case .apiKey(let fault): reason = "the API key is \(fault.rawValue)"
        case .expired:
            metrics.tokenWasRefused(isThrottled: false)
            return GatewayError(rejection)
        case .keysUnavailable:
            return GatewayError(rejection)
        }
        let wait = attempts.withLock { $0.failed(from: Peer(client), at: .now) }
        metrics.tokenWasRefused(isThrottled: wait != nil)
        guard let wait else { return GatewayError(rejection) }
        return GatewayError(
            .rateLimitExceeded, "Too many invalid tokens from this address. Retry later.",
            retry: .after(wait), cause: reason)
    }
}
