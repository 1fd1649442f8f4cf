/// Who sends a request: the one sequence of checks for both planes.
///
/// The first step never suspends, so that the data plane can take it on the event loop; what it cannot decide is
/// verified by `caller(for:from:)`.
package struct CredentialChecks: Sendable {
    package enum FirstStep: Sendable {
        case known(Caller)
        case refused(GatewayError)
        /// The token is not known yet: verify it.
        case unverified(String)
    }

    /// Nil for `auth.mode: none`: every caller is `Caller.anonymous`.
    package let verifier: (any TokenVerifier)?
    private let throttle: AuthenticationThrottle

    package init(verifier: (any TokenVerifier)?, throttle: AuthenticationThrottle) {
        self.verifier = verifier
        self.throttle = throttle
    }

    /// Whether some credentials can be verified: keys of at least one issuer are known, or none are needed.
    package var areReady: Bool { verifier?.hasKeys ?? true }

    /// - Parameters:
    ///   - authorization: the value of the header field.
    ///   - token: the bearer token in it; nil for another scheme or none.
    ///   - digest: the token's, kept by a connection for its next request.
    package func firstStep(authorization: String?, token: String?, digest: inout TokenDigest?) -> FirstStep {
        guard let verifier else { return .known(.anonymous) }
        guard let token else { return .refused(.missingCredentials(found: authorization)) }
        if let caller = verifier.cachedCaller(for: token, digest: &digest) { return .known(caller) }
        return .unverified(token)
    }

    /// Verifies a token completely; may fetch keys.
    /// - Throws: the response to a refused token, counted against the client's address.
    package func caller(for token: String, from client: IPAddress?) async throws(GatewayError) -> Caller {
        guard let verifier else { return .anonymous }
        do throws(TokenRejection) {
            return try await verifier.caller(for: token)
        } catch {
            throw throttle.refusal(error, from: client)
        }
    }
}
