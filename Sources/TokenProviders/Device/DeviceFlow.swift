/// Decides when to poll a provider while the user enters a code (RFC 8628 §3.4 and §3.5). Pure: poll results in, actions out.
/// Times count from the provider's device authorization response.
struct DeviceFlow: Sendable {
    enum Poll: Sendable {
        case granted(ProvidedToken)
        case refused(OAuthRefusal)
        /// No readable response: a later poll may succeed.
        case noResponse
    }

    enum Action: Hashable, Sendable {
        /// Wait this long, then poll.
        case poll(after: Duration)
        case succeed(ProvidedToken)
        case fail(TokenProviderProblem)
    }

    /// Maximum time to wait for the user, regardless of the provider's own limit.
    static let maxWait: Duration = .seconds(1800)
    /// Bounds of the polling interval, regardless of the interval that the provider requests.
    static let intervals: ClosedRange<Duration> = .seconds(1) ... .seconds(60)

    private let issuer: String
    private let end: Duration
    private var interval: Duration

    init(issuer: String, lifetime: Duration, interval: Duration) {
        self.issuer = issuer
        end = min(lifetime, Self.maxWait)
        self.interval = Self.bounded(interval)
    }

    func began() -> Action { next(at: .zero) }

    mutating func polled(_ poll: Poll, at elapsed: Duration) -> Action {
        switch poll {
        case .granted(let token):
            return .succeed(token)
        case .refused(let refusal):
            switch refusal.error {
            case "authorization_pending": break
            case "slow_down": interval = Self.bounded(interval + .seconds(5))
            case "expired_token": return .fail(.deviceCodeExpired(issuer: issuer))
            default: return .fail(.refused(refusal, issuer: issuer))
            }
        case .noResponse:
            // RFC 8628 §3.5: after a timeout the client polls less often.
            interval = Self.bounded(interval * 2)
        }
        return next(at: elapsed)
    }

    private func next(at elapsed: Duration) -> Action {
        elapsed + interval < end ? .poll(after: interval) : .fail(.deviceCodeExpired(issuer: issuer))
    }

    private static func bounded(_ interval: Duration) -> Duration {
        min(max(interval, intervals.lowerBound), intervals.upperBound)
    }
}
