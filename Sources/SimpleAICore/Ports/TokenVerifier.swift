/// Maps a bearer token to its caller. The gateway uses authentication only through this protocol.
public protocol TokenVerifier: Sendable {
    /// The caller of a token that was verified before and is still valid. Nil means "call `caller(for:)`", not
    /// "refused". Never suspends and never blocks for long: this is the data plane's fast path.
    /// - Parameter digest: of the token, if the caller of this function has it; a verifier that computes it stores it
    ///   here, so that a connection that sends the same token again need not.
    func cachedCaller(for token: String, digest: inout TokenDigest?) -> Caller?

    /// Verifies a token completely, fetching keys if needed.
    func caller(for token: String) async throws(TokenRejection) -> Caller

    /// Whether the keys of at least one issuer are known, so that some tokens can be verified.
    var hasKeys: Bool { get }
}

extension TokenVerifier {
    /// The caller of a token that was verified before.
    public func cachedCaller(for token: String) -> Caller? {
        var digest: TokenDigest?
        return cachedCaller(for: token, digest: &digest)
    }
}

/// The SHA-256 of a token, in a form that is cheap to hash and compare.
public struct TokenDigest: Hashable, Sendable {
    public let words: (UInt64, UInt64, UInt64, UInt64)

    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        // The digest is already uniform; one word separates entries, equality compares all four.
        hasher.combine(words.1)
    }
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
