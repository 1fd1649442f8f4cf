import Foundation

/// Kinds of credentials that a deployment must refuse.
enum BadCredential: String, CaseIterable, Sendable {
    case none, empty, garbage
    case brokenSignature = "broken-signature"
    case noSignature = "no-signature"
    case changedClaims = "changed-claims"
    case algorithmNone = "alg-none"
    case expired

    var requirement: String {
        switch self {
        case .none: "A request without credentials is refused."
        case .empty: "A request with an empty bearer token is refused."
        case .garbage: "A bearer token that is not a JWT is refused."
        case .brokenSignature: "A real token whose signature was changed is refused."
        case .noSignature: "A real token without its signature is refused."
        case .changedClaims: "A real token whose claims were changed is refused."
        case .algorithmNone: "A real token's claims with `alg: none` and no signature are refused (RFC 8725, 2.1)."
        case .expired: "A token that has expired is refused."
        }
    }

    var needs: String? {
        switch self {
        case .none, .empty, .garbage: nil
        case .brokenSignature, .noSignature, .changedClaims, .algorithmNone: "a JWT"
        case .expired: "--expired-token (the local issuer makes one)"
        }
    }

    /// - Throws: a SKIP if this deployment's tokens do not allow it.
    func credential(from tokens: TokenSource) async throws -> Credential {
        switch self {
        case .none:
            return .none
        case .empty:
            return Credential(name: "an empty bearer token", authorization: "Bearer ", shellForm: "Bearer ")
        case .garbage:
            return Credential(name: "a garbage token", authorization: "Bearer garbage", shellForm: "Bearer garbage")
        case .brokenSignature:
            return try await forged("the real token with a changed signature", tokens, TokenText.withBrokenSignature)
        case .noSignature:
            return try await forged("the real token without its signature", tokens, TokenText.withoutSignature)
        case .changedClaims:
            return try await forged("the real token with changed claims", tokens, TokenText.withChangedClaims)
        case .algorithmNone:
            return try await forged("the real claims with alg: none", tokens, TokenText.withAlgorithmNone)
        case .expired:
            guard let token = try await tokens.expiredToken() else {
                throw Finding.skip("no expired token available; provide one with --expired-token")
            }
            return .bearer(token, name: "an expired token")
        }
    }

    private func forged(
        _ name: String, _ tokens: TokenSource, _ forge: (String) -> String?
    ) async throws -> Credential {
        let real = try await tokens.token(role: nil)
        guard TokenText.isJWT(real), let token = forge(real) else { throw Finding.skip("the token is not a JWT") }
        tokens.redactor.register(token)
        // Only the token differs from the valid one; in the curl command the reader supplies the forged token.
        return Credential(name: name, authorization: "Bearer \(token)", shellForm: "Bearer $FORGED_TOKEN")
    }
}
