/// Why a provider issued no token: one sentence for the user. Never contains a secret.
public enum TokenProviderProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// An address to which no request is sent, and why.
    case address(String, String)
    case unreachable(at: String, reason: String)
    case timedOut(at: String, limit: Duration)
    case tooLarge(at: String)
    case redirected(at: String, status: Int)
    /// The response is not valid at this point of the protocol.
    case invalidResponse(at: String, status: Int, what: String)
    case otherIssuer(wanted: String, stated: String)
    case noEndpoint(issuer: String, name: String)
    case refused(OAuthRefusal, issuer: String)
    case noToken(issuer: String, wanted: TokenSpecification.RequestedToken, advice: String)
    /// The user did not enter the code in time.
    case deviceCodeExpired(issuer: String)
    case storedTokenUnreadable(String)

    public var description: String {
        switch self {
        case .address(let address, let what): "\(address) \(what)"
        case .unreachable(let address, let reason): "no response from \(address): \(reason)"
        case .timedOut(let address, let limit): "no response from \(address) within \(limit)"
        case .tooLarge(let address): "the response of \(address) exceeds 1 MiB"
        case .redirected(let address, let status):
            "\(address) redirects (\(status)), and redirects are not followed; use the final URL"
        case .invalidResponse(let address, let status, let what): "\(address) returned \(status) with \(what)"
        case .otherIssuer(let wanted, let stated):
            "the provider's issuer is \(stated), but the settings have \(wanted); set `issuer` to the exact value"
        case .noEndpoint(let issuer, let name):
            "the provider \(issuer) has no \(name), so it does not support this grant"
        case .refused(let refusal, let issuer): "the provider \(issuer) rejected the request: \(refusal)"
        case .noToken(let issuer, let wanted, let advice):
            "the provider \(issuer) returned no \(wanted.rawValue)\(advice.isEmpty ? "" : "; \(advice)")"
        case .deviceCodeExpired(let issuer):
            "the code was not entered at \(issuer) in time; retry"
        case .storedTokenUnreadable(let reason): reason
        }
    }
}

/// An error response (RFC 6749 §5.2).
public struct OAuthRefusal: Hashable, Sendable, CustomStringConvertible {
    /// `invalid_grant`, `slow_down`, …
    public let error: String
    /// Empty if the provider states no description.
    public let details: String

    public var description: String { details.isEmpty ? error : "\(error) (\(details))" }
}
