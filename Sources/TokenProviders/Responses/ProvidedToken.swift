public import Foundation

/// A token from a provider, with its expiry.
public struct ProvidedToken: Hashable, Sendable {
    public let text: String
    public let obtained: Date
    /// Nil if neither the response nor the token states it.
    public let expires: Date?

    /// Whether the token is a JWT, which a gateway can verify with the provider's keys. Other tokens are opaque: only the
    /// provider can read them.
    public var isJWT: Bool { JWTClaims(of: text) != nil }

    private struct Content: Decodable {
        let access_token: String?
        let id_token: String?
        let token_type: String?
        let expires_in: Seconds?
    }

    /// Parses a successful response of a token endpoint (RFC 6749 §5.1).
    init(_ response: ProviderResponse, for specification: TokenSpecification, at now: Date) throws(TokenProviderProblem)
    {
        let content = try response.decoded(Content.self)
        guard response.isSuccess else {
            throw .invalidResponse(at: response.address, status: response.status, what: response.kind)
        }
        let stated: Date?
        switch specification.wanted {
        case .accessToken:
            // RFC 6749 §7.1: a client must not use a token of an unknown type.
            if let type = content.token_type, type.lowercased() != "bearer" {
                throw .noToken(
                    issuer: specification.issuer, wanted: .accessToken,
                    advice: "its token type is \(DisplayText(type, limit: 40).text), not Bearer"
                )
            }
            text = content.access_token ?? ""
            stated = content.expires_in.map { now.addingTimeInterval($0.value) }
        case .idToken:
            text = content.id_token ?? ""
            // `expires_in` is the lifetime of the access token.
            stated = nil
        }
        guard !text.isEmpty else {
            let advice = specification.wanted == .idToken ? "it requires the scope openid and a grant with a user" : ""
            throw .noToken(issuer: specification.issuer, wanted: specification.wanted, advice: advice)
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .noToken(
                issuer: specification.issuer, wanted: specification.wanted,
                advice: "its token contains characters that are invalid in headers")
        }
        obtained = now
        expires = [stated, JWTClaims(of: text)?.expiry].compactMap(\.self).min()
    }

    init(text: String, obtained: Date, expires: Date?) {
        self.text = text
        self.obtained = obtained
        self.expires = expires
    }
}

/// Claims of a JWT that is not verified; never used for authorization.
private struct JWTClaims {
    let expiry: Date?

    init?(of token: String) {
        struct Claims: Decodable { let exp: Seconds? }
        struct Header: Decodable { let alg: String }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.bytes(parts[0]), let claims = Self.bytes(parts[1]),
            (try? JSONDecoder().decode(Header.self, from: header)) != nil,
            let content = try? JSONDecoder().decode(Claims.self, from: claims)
        else { return nil }
        expiry = content.exp.map { Date(timeIntervalSince1970: $0.value) }
    }

    private static func bytes(_ part: Substring) -> Data? {
        let text = part.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4))
    }
}
