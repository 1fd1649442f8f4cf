/// Turns a bearer token into a caller. The gateway meets authentication only through this protocol.
public protocol TokenVerifier: Sendable {
    /// The caller of a token that was verified before and is still good. Never suspends and never blocks for long:
    /// this is the data plane's fast path. Nil means "ask `caller(for:)`", not "refused".
    func rememberedCaller(for token: String) -> Caller?

    /// Verifies a token completely, fetching keys where that is needed.
    func caller(for token: String) async throws(TokenRejection) -> Caller

    /// Whether any issuer's keys are known, so that at least some tokens can be judged.
    var hasKeys: Bool { get }
}

/// Why a token was not accepted. Callers learn only the kind, operators the reason.
public enum TokenRejection: Error, Hashable, Sendable {
    /// The token is not good: malformed, of another audience, signed by nobody we know, …
    /// `reason` is for the log alone and never contains the token; values of its claims are quoted and cut.
    case invalid(reason: String)
    /// The token was good: its signature is, and nothing else is wrong but that its time is over. Callers learn this.
    case expired(reason: String)
    /// It is an API key, and not one that is in service.
    case apiKey(APIKeyFault)
    /// The token may be good, but its issuer's keys are not known yet; worth another try after `retryAfter`.
    case keysUnavailable(retryAfter: Duration)
}

/// Why an API key gives no access. Its holder is told.
public enum APIKeyFault: String, Error, Hashable, Sendable, CaseIterable {
    /// There is no such key, or its secret is another one.
    case unknown = "unknown"
    case expired = "expired"
    case revoked = "revoked"
}
