/// Maps a bearer token to its caller. The gateway uses authentication only through this protocol.
public protocol TokenVerifier: Sendable {
    /// The caller of a token that was verified before and is still valid. Nil means "call `caller(for:)`", not
    /// "refused". Never suspends and never blocks for long: this is the data plane's fast path.
    func cachedCaller(for token: String) -> Caller?

    /// Verifies a token completely, fetching keys if needed.
    func caller(for token: String) async throws(TokenRejection) -> Caller

    /// Whether the keys of at least one issuer are known, so that some tokens can be verified.
    var hasKeys: Bool { get }
}

/// Why a token was refused. Callers receive only the kind, operators the reason.
public enum TokenRejection: Error, Hashable, Sendable {
    /// The token is invalid: malformed, for another audience, signed with an unknown key, … `reason` is only for
    /// the log and never contains the token; values of its claims are quoted and truncated.
    case invalid(reason: String)
    /// The token is expired and otherwise valid. Callers receive this reason.
    case expired(reason: String)
    /// The API key is unknown, revoked or expired.
    case apiKey(APIKeyFault)
    /// The token may be valid, but its issuer's keys are not known yet; retry after `retryAfter`.
    case keysUnavailable(retryAfter: Duration)
}

/// Why an API key gives no access. The response reports it.
public enum APIKeyFault: String, Error, Hashable, Sendable, CaseIterable {
    /// No such key exists, or its secret is wrong.
    case unknown = "unknown"
    case expired = "expired"
    case revoked = "revoked"
}
